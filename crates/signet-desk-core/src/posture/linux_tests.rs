use super::*;

/// A made-up system: a mount of `/`, and devices with what lies under them.
fn system(mount: &str, devices: &[(&str, Option<&str>, &[&str])]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let write = |path: &str, text: &[u8]| {
        let path = dir.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    write("etc/os-release", b"NAME=\"Debian GNU/Linux\"\nVERSION_ID=\"12\"\n");
    write(
        "proc/self/mountinfo",
        format!("21 1 0:5 / /proc rw - proc proc rw\n{mount}\n").as_bytes(),
    );
    for (number, uuid, under) in devices {
        let base = format!("sys/dev/block/{number}");
        write(&format!("{base}/size"), b"1");
        if let Some(u) = uuid {
            write(&format!("{base}/dm/uuid"), u.as_bytes());
        }
        for u in *under {
            write(&format!("{base}/slaves/{u}/size"), b"1");
            if u.starts_with("crypt") {
                write(&format!("{base}/slaves/{u}/dm/uuid"), b"CRYPT-LUKS2-x");
            }
        }
    }
    dir
}

#[test]
fn encryption_is_found_wherever_it_lies() {
    let disk = |mount: &str, devices: &[(&str, Option<&str>, &[&str])]| {
        let l = look(system(mount, devices).path());
        assert_eq!((l.system.as_str(), l.system_version.as_str()), ("Debian GNU/Linux", "12"));
        l.facts[&Fact::DiskEncryption].clone()
    };
    let root = "22 1 254:0 / / rw - ext4 /dev/mapper/root rw";
    assert_eq!(disk(root, &[("254:0", Some("CRYPT-LUKS2-abc"), &[])]), Reading::Yes);
    assert_eq!(disk(root, &[("254:0", Some("LVM-abc"), &["crypt0"])]), Reading::Yes);
    assert_eq!(disk(root, &[("254:0", Some("LVM-abc"), &["crypt0", "sdb1"])]), Reading::No);
    assert_eq!(disk("22 1 8:1 / / rw - ext4 /dev/sda1 rw", &[("8:1", None, &[])]), Reading::No);
    for lost in [
        "22 1 0:30 / / rw - overlay overlay rw",
        "22 1 8:1 / / rw - ext4 /dev/sda1 rw",
        "22 1 8:1 / /home rw - ext4 x rw",
    ] {
        assert!(matches!(disk(lost, &[]), Reading::Unknown(_)), "{lost}");
    }
}

#[test]
fn secure_boot_by_the_firmware() {
    let dir = system("", &[]);
    let read = || secure_boot(dir.path());
    assert_eq!(read(), Reading::No, "no UEFI at all");
    let file = dir.path().join(SECURE_BOOT);
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    assert!(matches!(read(), Reading::Unknown(_)));
    for (bytes, want) in [(&[6, 0, 0, 0, 1][..], Reading::Yes), (&[6, 0, 0, 0, 0], Reading::No)] {
        fs::write(&file, bytes).unwrap();
        assert_eq!(read(), want);
    }
    fs::write(&file, [1]).unwrap();
    assert!(matches!(read(), Reading::Unknown(_)));
}

#[test]
fn this_machine_is_looked_at_without_a_panic() {
    assert_eq!(super::super::look().facts.len(), 5);
}
