//! Sign-ins, from the attempt to the session.

use super::*;

const RD: &str = "https://app.example.com/graph";

impl Scene {
    fn begin_login(&mut self, id: &str, now: Timestamp) {
        let header = self.browser.header();
        let lines = self
            .sessions()
            .begin_login(&cookies(&header), (id, RD), &id, now);
        self.browser.store(&lines.unwrap());
    }

    async fn finish_login(&self, id: &str, now: Timestamp) -> Result<String, LoginError> {
        let header = self.browser.header();
        let login = self
            .sessions()
            .finish_login::<String>(&cookies(&header), id, now)
            .await?;
        assert_eq!(login.rd, RD);
        Ok(login.attempt)
    }
}

#[tokio::test]
async fn r02_a_sign_in_is_completed_once_and_in_its_browser() {
    let mut scene = Scene::new();
    scene.begin_login("one", at(0));
    scene.begin_login("two", at(1));
    assert_eq!(
        scene.finish_login("three", at(10)).await,
        Err(LoginError::Unknown)
    );
    assert_eq!(
        scene.finish_login("one", at(10)).await,
        Ok("one".to_owned())
    );
    assert_eq!(
        scene.finish_login("one", at(11)).await,
        Err(LoginError::AlreadyFinished)
    );
    assert_eq!(
        scene.finish_login("two", at(600)).await,
        Ok("two".to_owned())
    );
    let forgotten = scene.sessions().forget_login("one");
    scene.browser.store(&[forgotten]);
    assert_eq!(
        scene.finish_login("one", at(12)).await,
        Err(LoginError::Unknown)
    );
}

#[tokio::test]
async fn r11_a_new_sign_in_deletes_the_old_session() {
    let mut scene = Scene::new();
    scene.start(at(0)).await;
    scene.begin_login("one", at(1));
    assert_eq!(scene.read(at(2)).await, Err(EndReason::NoCookie));
    assert!(!scene.browser.names().contains(&TOKEN));
}

#[tokio::test]
async fn r11_each_sign_in_begins_a_session_with_its_own_id() {
    let mut scene = Scene::new();
    let first = scene.start(at(0)).await;
    let second = scene.start(at(1)).await;
    assert_ne!(first.sid, second.sid);
    assert_eq!(scene.read(at(2)).await.unwrap().sid, second.sid);
}

#[tokio::test]
async fn a_sign_in_right_after_another_is_a_loop() {
    let mut scene = Scene::new();
    let is_loop = |scene: &Scene, rd, now| {
        let header = scene.browser.header();
        scene.sessions().is_loop(&cookies(&header), rd, now)
    };
    assert!(!is_loop(&scene, "https://app.example.com/", at(0)));
    scene.start(at(0)).await;
    assert!(is_loop(&scene, "https://app.example.com/", at(5)));
    assert!(!is_loop(&scene, RD, at(5)));
    assert!(!is_loop(&scene, "https://app.example.com/", at(10)));
    scene.end(at(6)).await;
    let again = is_loop(&scene, "https://app.example.com/", at(7));
    assert!(!again, "who signed out in between is in no loop");
}

#[tokio::test]
async fn c05_no_cookie_is_accepted_for_another() {
    let mut scene = Scene::new();
    scene.begin_login("one", at(0));
    let login = scene
        .browser
        .value("__Secure-portcullis-login-one")
        .unwrap()
        .to_owned();
    scene.browser.has(SEALED, &login);
    assert_eq!(scene.read(at(1)).await, Err(EndReason::NoCookie));
    scene.start(at(1)).await;
    let sealed = scene.browser.value(SEALED).unwrap().to_owned();
    scene.browser.has("__Secure-portcullis-login-two", &sealed);
    assert_eq!(
        scene.finish_login("two", at(2)).await,
        Err(LoginError::Unknown)
    );
}
