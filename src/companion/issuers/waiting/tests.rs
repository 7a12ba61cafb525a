use super::*;

#[test]
fn one_issuers_trouble_leaves_room_for_the_others() {
    let room = Room::new(2);
    let crowd: Vec<_> = (0..MAX_FOR_ONE).map(|_| room.sit(&[0]).unwrap()).collect();
    assert!(room.sit(&[0]).is_none());
    assert!(room.sit(&[1, 0]).is_none());
    assert!(room.is_taken(0));
    // What was tried in vain took nothing.
    assert!(!room.is_taken(1));
    assert!(room.sit(&[1]).is_some());
    drop(crowd);
    assert!(!room.is_taken(0));
    assert!(room.sit(&[0]).is_some());
}

#[test]
fn the_room_is_bounded() {
    let room = Room::new(8);
    let seats: Vec<_> = (0..MAX_WAITING)
        .map(|request| room.sit(&[request % 8]).unwrap())
        .collect();
    assert!(room.sit(&[0]).is_none());
    drop(seats);
    assert!(room.sit(&[0]).is_some());
}
