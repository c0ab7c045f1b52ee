//! Files as the operating system has them: whose they are, and who holds them.

use super::*;

#[test]
fn files_that_are_not_ours_or_too_new_are_told_and_left_as_they_are() {
    let (folder, path) = on_disk();
    std::fs::write(&path, "legacy_id,email\n1,a@example.com\n".repeat(200)).unwrap();
    let before = std::fs::read(&path).unwrap();
    assert!(matches!(open_existing(&path), Err(StoreError::NotOurs)));
    assert!(matches!(open_readonly(&path), Err(StoreError::NotOurs)));
    assert_eq!(std::fs::read(&path).unwrap(), before);

    let theirs = folder.path().join("theirs.db");
    Connection::open(&theirs)
        .unwrap()
        .execute_batch("CREATE TABLE t (x)")
        .unwrap();
    assert!(matches!(open_existing(&theirs), Err(StoreError::NotOurs)));

    assert!(matches!(
        RunLock::take(folder.path()),
        Err(StoreError::Directory)
    ));
    let read = open_readonly(folder.path());
    assert!(matches!(read, Err(StoreError::Directory)));

    let newer = folder.path().join("newer.db");
    create(&newer)
        .unwrap()
        .pragma_update(None, "user_version", 99)
        .unwrap();
    assert!(matches!(
        open_existing(&newer),
        Err(StoreError::Version { found: 99 })
    ));
    assert!(matches!(
        open_readonly(&newer),
        Err(StoreError::Version { found: 99 })
    ));

    assert!(matches!(
        open_existing(&folder.path().join("none.db")),
        Err(StoreError::Missing)
    ));
}

#[cfg(unix)]
#[test]
fn the_state_file_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let (_folder, path) = on_disk();
    drop(create(&path).unwrap());
    assert_eq!(
        std::fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o600
    );
}

#[test]
fn a_run_waits_out_those_who_only_look_whether_one_is_on() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("state.db");
    drop(RunLock::take(&path).unwrap());
    let looking = std::fs::File::open(place.path().join("state.db.lock")).unwrap();
    looking.try_lock_shared().unwrap();
    let mut looking = Some(looking);
    RunLock::take_between(&path, || drop(looking.take())).unwrap();
}

#[test]
fn one_runner_holds_the_lock_and_readers_see_it() {
    let (_folder, path) = on_disk();
    assert!(!RunLock::is_held(&path));
    let held = RunLock::take(&path).unwrap();
    assert!(matches!(RunLock::take(&path), Err(StoreError::Busy)));
    assert!(RunLock::is_held(&path));
    drop(held);
    assert!(!RunLock::is_held(&path));
    RunLock::take(&path).unwrap();
}

#[cfg(unix)]
#[test]
fn a_state_file_has_one_lock_whatever_link_leads_to_it() {
    let (folder, path) = on_disk();
    drop(create(&path).unwrap());
    let link = folder.path().join("link.db");
    std::os::unix::fs::symlink(&path, &link).unwrap();
    let held = RunLock::take(&path).unwrap();
    assert!(matches!(RunLock::take(&link), Err(StoreError::Busy)));
    assert!(RunLock::is_held(&link));
    drop(held);
}

#[test]
fn an_emptied_state_file_is_not_begun_anew_and_one_that_never_began_is() {
    let (_folder, path) = on_disk();
    let lock = RunLock::take(&path).unwrap();
    std::fs::write(&path, "").unwrap();
    drop(create(&path).unwrap());
    lock.note_begun().unwrap();
    drop(create(&path).unwrap());
    let log = path.with_extension("db-wal");
    for left in ["", "some of a log"] {
        std::fs::write(&path, "").unwrap();
        std::fs::write(&log, left).unwrap();
        for opened in [create(&path), open_existing(&path), open_readonly(&path)] {
            assert!(matches!(opened, Err(StoreError::Damaged(_))));
        }
        assert_eq!(std::fs::read_to_string(&log).unwrap(), left);
    }
    // Removed on purpose, it is a new one; also where its making breaks off.
    std::fs::remove_file(&path).unwrap();
    std::fs::remove_file(&log).unwrap();
    drop(create(&path).unwrap());
    std::fs::write(&path, "").unwrap();
    drop(create(&path).unwrap());
}

#[cfg(unix)]
#[test]
fn a_link_to_a_state_file_that_is_yet_to_be_made_has_its_lock_already() {
    let (folder, path) = on_disk();
    let (link, far) = (folder.path().join("link.db"), folder.path().join("far.db"));
    std::os::unix::fs::symlink("state.db", &link).unwrap();
    std::os::unix::fs::symlink(&link, &far).unwrap();
    let held = RunLock::take(&far).unwrap();
    drop(create(&far).unwrap());
    for name in [&far, &link, &path] {
        assert!(matches!(RunLock::take(name), Err(StoreError::Busy)));
    }
    drop(held);
}
