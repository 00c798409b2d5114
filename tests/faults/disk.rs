//! Disks that fail: a small file system of its own, whose power can be cut. Needs root, loop devices and e2fsprogs.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::PathBuf;
use std::process::Command;

use super::found;

/// Why no disk can be made here, if so.
pub fn unavailable() -> Option<&'static str> {
    if !rustix::process::geteuid().is_root() {
        return Some("it needs root");
    }
    ["mkfs.ext4", "mount", "umount"]
        .into_iter()
        .any(|tool| found(tool).is_none())
        .then_some("it needs mount and e2fsprogs")
}

/// A file system in a file, or in memory, mounted in a directory of its own.
pub struct Disk {
    directory: tempfile::TempDir,
}

impl Disk {
    /// An ext4 file system.
    pub fn ext4(mebibytes: u64) -> Self {
        let disk = Disk { directory: tempfile::tempdir().unwrap() };
        File::create(disk.image()).unwrap().set_len(mebibytes * 1024 * 1024).unwrap();
        // Without reserved blocks, which root could go on writing to when others cannot.
        run(Command::new("mkfs.ext4").args(["-q", "-F", "-m", "0"]).arg(disk.image()));
        std::fs::create_dir(disk.path()).unwrap();
        disk.mount();
        disk
    }

    /// A file system in memory.
    pub fn memory(mebibytes: u64) -> Self {
        let disk = Disk { directory: tempfile::tempdir().unwrap() };
        std::fs::create_dir(disk.path()).unwrap();
        let size = format!("size={mebibytes}m");
        run(Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(disk.path()));
        disk
    }

    /// Takes room until so much is free.
    pub fn fill_up_to(&self, bytes: u64) {
        let (mut filler, zeros) = (self.filler(), vec![0; 1024 * 1024]);
        while let Some(left) = self.free().checked_sub(bytes).filter(|left| *left > 0) {
            let part = usize::try_from(left / 8).unwrap().clamp(16 * 1024, zeros.len());
            match filler.write(&zeros[..part]) {
                Ok(_) => filler.sync_all().unwrap(),
                Err(error) if error.kind() == std::io::ErrorKind::StorageFull => return,
                Err(error) => panic!("{error}"),
            }
        }
    }

    /// Gives the room back.
    pub fn empty(&self) {
        self.filler().set_len(0).unwrap();
    }

    fn filler(&self) -> File {
        OpenOptions::new().append(true).create(true).open(self.path().join("filler")).unwrap()
    }

    fn free(&self) -> u64 {
        let disk = rustix::fs::statvfs(self.path()).unwrap();
        disk.f_bavail * disk.f_frsize
    }

    fn image(&self) -> PathBuf {
        self.directory.path().join("image")
    }

    /// Where it is mounted.
    pub fn path(&self) -> PathBuf {
        self.directory.path().join("mounted")
    }

    /// Mounts it, as the last power cut has left it.
    pub fn mount(&self) {
        // The journal is written by itself after five minutes rather than five seconds, so that it hides no missing sync.
        run(Command::new("mount").args(["-o", "loop,commit=300"]).arg(self.image()).arg(self.path()));
    }

    pub fn unmount(&self) {
        run(Command::new("umount").arg(self.path()));
    }

    /// From now on nothing reaches the disk: what was not synced is lost, the journal's end included.
    pub fn cuts_power(&self) {
        cut_power(&File::open(self.path()).unwrap()).unwrap();
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Nobody may be left to see it fail: it is not mounted after a cut.
        let _ = Command::new("umount").args(["--lazy", "--quiet"]).arg(self.path()).status();
    }
}

#[expect(unsafe_code, reason = "the one way to cut a file system off from its disk")]
fn cut_power(anywhere: &File) -> rustix::io::Result<()> {
    /// `FS_IOC_SHUTDOWN`, as `_IOR('X', 125, __u32)`.
    const SHUTDOWN: rustix::ioctl::Opcode = rustix::ioctl::opcode::read::<u32>(b'X', 125);
    /// `EXT4_GOING_FLAGS_NOLOGFLUSH`: the journal's end is lost as well.
    const WITHOUT_JOURNAL: u32 = 2;
    // SAFETY: the call reads one number through the pointer that it is given, and keeps nothing.
    unsafe { rustix::ioctl::ioctl(anywhere, rustix::ioctl::Setter::<SHUTDOWN, u32>::new(WITHOUT_JOURNAL)) }
}

#[track_caller]
fn run(command: &mut Command) {
    let done = command.output().unwrap();
    assert!(done.status.success(), "{command:?}: {}", String::from_utf8_lossy(&done.stderr));
}
