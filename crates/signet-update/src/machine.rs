//! Where Windows has its own programs and those that administrators install: from the registry,
//! where only administrators write. The environment is the word of whoever started this.

use std::path::{Path, PathBuf};

/// The folder of the system's programs. Empty where there is none.
#[cfg(windows)]
pub(crate) fn system_folder() -> PathBuf {
    let key = r"SOFTWARE\Microsoft\Windows NT\CurrentVersion";
    let root = text(key, "SystemRoot").unwrap_or_else(|| "C:\\Windows".into());
    Path::new(&root).join("System32")
}

/// The folder of the system's programs. Empty where there is none.
#[cfg(not(windows))]
pub(crate) fn system_folder() -> PathBuf {
    PathBuf::new()
}

/// Where programs for all users are.
#[cfg(windows)]
pub(crate) fn programs() -> PathBuf {
    let key = r"SOFTWARE\Microsoft\Windows\CurrentVersion";
    text(key, "ProgramFilesDir").unwrap_or_else(|| "C:\\Program Files".into()).into()
}

#[cfg(windows)]
fn text(key: &str, value: &str) -> Option<String> {
    use winreg::{
        RegKey,
        enums::{HKEY_LOCAL_MACHINE, KEY_READ, KEY_WOW64_64KEY},
    };
    let machine = RegKey::predef(HKEY_LOCAL_MACHINE);
    let key = machine.open_subkey_with_flags(key, KEY_READ | KEY_WOW64_64KEY).ok()?;
    key.get_value::<String, _>(value).ok().filter(|text| !text.is_empty())
}

/// Whether a folder lies below another one, as Windows compares names: letters in either case, both
/// slashes. A path that goes up again does not.
#[must_use]
pub fn lies_below(folder: &Path, above: &Path) -> bool {
    let parts = |path: &Path| -> Option<Vec<String>> {
        let text = path.to_str()?.to_lowercase();
        let text = text.strip_prefix(r"\\?\").unwrap_or(&text);
        Some(text.split(['\\', '/']).filter(|p| !p.is_empty()).map(str::to_owned).collect())
    };
    let (Some(folder), Some(above)) = (parts(folder), parts(above)) else { return false };
    let up = folder.iter().any(|part| part == "..");
    !up && !above.is_empty() && folder.len() > above.len() && folder.starts_with(&above)
}
