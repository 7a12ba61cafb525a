use super::*;

fn table(hosts: &[&str]) -> Table {
    let mut table = Table::default();
    for (index, host) in hosts.iter().enumerate() {
        let pattern = HostPattern::parse(host).unwrap();
        table.add(pattern, HostUse::App(index)).unwrap();
    }
    table
}

#[test]
fn an_exact_host_takes_precedence_over_a_wildcard() {
    let table = table(&[
        "*.example.com",
        "a.example.com",
        "example.com",
        "*.a.example.com",
    ]);
    for (host, app) in [
        ("a.example.com", Some(1)),
        ("b.example.com", Some(0)),
        ("example.com", Some(2)),
        ("b.a.example.com", Some(3)),
        ("c.b.a.example.com", None),
        ("c.b.example.com", None),
        ("com", None),
        ("evilexample.com", None),
        ("", None),
        ("*.example.com", None),
        (".example.com", None),
    ] {
        assert_eq!(table.find(host), app.map(HostUse::App), "{host}");
    }
}

#[test]
fn a_host_is_for_one_app_or_ungated() {
    let mut table = table(&["a.example.com", "*.example.com"]);
    let mut add = |host: &str| table.add(HostPattern::parse(host).unwrap(), HostUse::Ungated);
    assert_eq!(add("A.EXAMPLE.com"), Err(HostUse::App(0)));
    assert_eq!(add("*.example.com"), Err(HostUse::App(1)));
    assert_eq!(add("example.com"), Ok(()));
    assert_eq!(add("example.com"), Err(HostUse::Ungated));
}

#[test]
fn a_pattern_is_displayed_as_written() {
    for text in ["a.example.com", "*.example.com"] {
        assert_eq!(HostPattern::parse(text).unwrap().to_string(), text);
    }
}
