use portcullis_core::trust::TrustId;

use super::*;

fn at(index: usize) -> KeySourceId {
    TrustId::at(index).into()
}

fn room(trusts: usize) -> Room {
    let sources: PerKeySource<()> = (0..trusts).map(|index| (at(index), ())).collect();
    Room::new(&sources)
}

#[test]
fn one_issuers_trouble_leaves_room_for_the_others() {
    let room = room(2);
    let crowd: Vec<_> = (0..MAX_FOR_ONE)
        .map(|_| room.sit(&[at(0)]).unwrap())
        .collect();
    assert!(room.sit(&[at(0)]).is_none());
    assert!(room.sit(&[at(1), at(0)]).is_none());
    assert!(room.is_taken(at(0)));
    // What was tried in vain took nothing.
    assert!(!room.is_taken(at(1)));
    assert!(room.sit(&[at(1)]).is_some());
    drop(crowd);
    assert!(!room.is_taken(at(0)));
    assert!(room.sit(&[at(0)]).is_some());
}

#[test]
fn the_room_is_bounded() {
    let room = room(8);
    let seats: Vec<_> = (0..MAX_WAITING)
        .map(|request| room.sit(&[at(request % 8)]).unwrap())
        .collect();
    assert!(room.sit(&[at(0)]).is_none());
    drop(seats);
    assert!(room.sit(&[at(0)]).is_some());
}
