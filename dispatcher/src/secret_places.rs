//! Where credentials are: what an investigator that reads files is kept out of, as far as its program can be told.

use std::path::{Path, PathBuf};

use rustix::fs::{Access, access};

use crate::environment::Environment;
use crate::providers::PROVIDERS;

/// Files and folders below the user's home: of logins, of keys, of what was typed, and of haltline's own configuration,
/// which may hold keys of investigators. Each provider adds its own.
const BELOW_HOME: [&str; 29] = [
    ".aws",
    ".azure",
    ".bash_history",
    ".cargo/credentials",
    ".cargo/credentials.toml",
    ".config/gcloud",
    ".config/gh",
    ".config/git/credentials",
    ".config/haltline",
    ".docker",
    ".gem/credentials",
    ".git-credentials",
    ".gnupg",
    ".kube",
    ".local/share/keyrings",
    ".my.cnf",
    ".mysql_history",
    ".netrc",
    ".npmrc",
    ".password-store",
    ".pgpass",
    ".psql_history",
    ".pypirc",
    ".python_history",
    ".ssh",
    ".terraform.d",
    ".vault-token",
    ".yarnrc.yml",
    ".zsh_history",
];
/// What a work tree has of this kind.
const IN_WORK_TREE: [&str; 2] = [".env", ".env.local"];

/// Every such place, whether or not it is there; `directory` is where the program works. All are absolute.
pub(crate) fn secret_places(environment: &Environment, directory: &Path) -> Vec<PathBuf> {
    let below = |folder: Option<PathBuf>, names: &[&str]| -> Vec<PathBuf> {
        folder.iter().flat_map(|folder| names.iter().map(|name| folder.join(name))).collect()
    };
    let mut places = below(environment.folder("HOME"), &BELOW_HOME);
    for provider in PROVIDERS {
        places.extend(below(environment.folder("HOME"), provider.secret_places()));
        places.extend(provider.home_variables().iter().filter_map(|name| environment.folder(name)));
    }
    places.extend(below(environment.folder("XDG_CONFIG_HOME"), &["haltline"]));
    places.extend(below(Some(directory.to_owned()), &IN_WORK_TREE));
    places
}

/// Where a program works: the event's work tree if it is a folder that we may enter, else the attempt's own. A folder
/// that holds the user's home is no work tree: whoever may read it may read every credential.
pub(crate) fn working_directory(worktree: &str, folder: &Path, environment: &Environment) -> PathBuf {
    let worktree = Path::new(worktree);
    let may_enter = || access(worktree, Access::EXEC_OK | Access::READ_OK).is_ok();
    let usable = worktree.is_absolute() && worktree.is_dir() && may_enter() && !holds_home(worktree, environment);
    if usable { worktree.to_owned() } else { folder.to_owned() }
}

/// Whether a program that works in this folder could read the user's whole home.
fn holds_home(folder: &Path, environment: &Environment) -> bool {
    let real = |folder: &Path| folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    let folder = real(folder);
    folder.parent().is_none() || environment.folder("HOME").is_some_and(|home| real(&home).starts_with(&folder))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn the_places_are_those_of_the_home_of_the_variables_and_of_the_work_tree() {
        let environment = Environment::default().with("HOME", "/home/me").with("CODEX_HOME", "/codex");
        let places = secret_places(&environment.with("XDG_CONFIG_HOME", "/config"), Path::new("/tree"));
        for place in ["/home/me/.ssh", "/home/me/.config/haltline", "/codex", "/config/haltline", "/tree/.env"] {
            assert!(places.iter().any(|found| found == Path::new(place)), "{place}");
        }
        assert!(secret_places(&Environment::default(), Path::new("/tree")).iter().all(|place| place.is_absolute()));
    }

    #[test]
    fn a_folder_that_holds_the_home_is_known_by_whatever_name() {
        let root = tempfile::tempdir().unwrap();
        let home = root.path().join("home/me");
        std::fs::create_dir_all(home.join("work")).unwrap();
        symlink(&home, root.path().join("link")).unwrap();
        let environment = Environment::default().with("HOME", &home);
        for folder in ["/", "/..", "home/me", "home", "home/me/work/..", "link", "."] {
            assert!(holds_home(&root.path().join(folder), &environment), "{folder}");
        }
        for folder in ["home/me/work", "elsewhere", "home/m"] {
            assert!(!holds_home(&root.path().join(folder), &environment), "{folder}");
        }
        assert!(!holds_home(Path::new("/tree"), &Environment::default()));
    }
}
