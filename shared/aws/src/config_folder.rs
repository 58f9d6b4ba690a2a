//! A configuration in the runs bucket: `config/vigie.toml`, and `config/environments/NAME.toml` for each environment that has
//! a file of its own. An audit reads two objects, however many environments there are.

use futures::{StreamExt, TryStreamExt, stream};
use vigie_core::config::{self, Config};
use vigie_core::plan::{CONFIG_FOLDER, CONFIG_KEY, config_key};

use crate::config_source::LONGEST;
use crate::process::StartError;
use crate::store::{MOST_KEYS, Store};
use crate::{Need, need};

/// Environments whose files are read side by side.
const AT_A_TIME: usize = 32;

/// What is wanted of a configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope<'a> {
    /// What all environments share; nothing of those that have a file of their own.
    Common,
    /// The same, and one environment.
    Environment(&'a str),
    All,
}

/// What reading it needs.
#[must_use]
pub fn actions(bucket: &str) -> Vec<Need> {
    vec![
        // Without ListBucket a missing object is answered by 403.
        need("s3:ListBucket", format!("arn:*:s3:::{bucket}")),
        need("s3:GetObject", format!("arn:*:s3:::{bucket}/config/*")),
    ]
}

/// Reads it. `None`: there is none.
///
/// # Errors
/// It cannot be read, or is wrong: each sentence names the object and the line.
pub async fn load(store: &Store, scope: Scope<'_>) -> Result<Option<Config>, StartError> {
    let own = async {
        match scope {
            Scope::Common => Ok(Vec::new()),
            Scope::Environment(name) => Ok(environment(store, name).await?.into_iter().collect()),
            Scope::All => {
                let names = names(store).await?;
                let read = stream::iter(names).map(|name| async move { environment(store, &name).await });
                let parts: Vec<Option<Config>> = read.buffered(AT_A_TIME).try_collect().await?;
                Ok::<_, StartError>(parts.into_iter().flatten().collect())
            }
        }
    };
    let (common, parts) = futures::try_join!(text(store, CONFIG_KEY), own)?;
    let Some(common) = common else {
        return if parts.is_empty() { Ok(None) } else { Err(missing()) };
    };
    let name = name_of(store, CONFIG_KEY);
    let mut config = config::parse_common(&common, &name).map_err(|e| StartError::Config(e.to_string()))?;
    for part in parts {
        let twice = part.environment.keys().next().cloned().unwrap_or_default();
        if !config.join(part) {
            let both = format!("{name} and {} both declare it", config_key(&twice));
            return Err(StartError::Config(format!("environment {twice:?}: {both}; keep one")));
        }
    }
    Ok(Some(config))
}

fn missing() -> StartError {
    StartError::Config(format!(
        "{CONFIG_KEY} is missing beside the environments' files; `vigie config push` puts it there"
    ))
}

/// The environments that have a file of their own.
///
/// # Errors
/// The bucket does not answer.
pub async fn names(store: &Store) -> Result<Vec<String>, StartError> {
    let keys = store.list(CONFIG_FOLDER, MOST_KEYS).await.map_err(|e| StartError::Config(e.to_string()))?;
    let name = |key: &String| Some(key.strip_prefix(CONFIG_FOLDER)?.strip_suffix(".toml")?.to_owned());
    Ok(keys.iter().filter_map(name).filter(|name| config::is_environment(name)).collect())
}

async fn environment(store: &Store, name: &str) -> Result<Option<Config>, StartError> {
    // A name comes from a message: it never leaves the folder.
    if !config::is_environment(name) {
        return Ok(None);
    }
    let key = config_key(name);
    let Some(text) = text(store, &key).await? else { return Ok(None) };
    let parsed = config::parse_environment(&text, &name_of(store, &key), name);
    parsed.map(Some).map_err(|e| StartError::Config(e.to_string()))
}

async fn text(store: &Store, key: &str) -> Result<Option<String>, StartError> {
    let read = store.get(key).await.map_err(|e| StartError::Config(format!("the configuration {e}")))?;
    let Some((bytes, _)) = read else { return Ok(None) };
    let wrong = |what: String| StartError::Config(format!("{}: {what}", name_of(store, key)));
    if bytes.len() > LONGEST {
        return Err(wrong(format!("{} bytes; at most {LONGEST} are read", bytes.len())));
    }
    String::from_utf8(bytes).map(Some).map_err(|_| wrong("it is not UTF-8 text".to_owned()))
}

fn name_of(store: &Store, key: &str) -> String {
    match store {
        Store::Bucket(bucket) => format!("s3://{}/{key}", bucket.name()),
        Store::Directory(root) => root.join(key).display().to_string(),
        Store::Nowhere => key.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    /// It names an environment that has a file of its own.
    const COMMON: &str = "[report]\nfrom = \"vigie@shop.example\"\n[[report.to]]\naddress = \"a@shop.example\"\n\
                          environments = [\"eu\"]\n";

    fn put(root: &Path, key: &str, text: &str) {
        let path = root.join(key);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    fn of(name: &str) -> String {
        format!("[environment.{name}]\nclass = \"staging\"\nvariables = [\"ssm:/{name}/\"]\n")
    }

    #[tokio::test]
    async fn nothing_is_no_configuration_and_a_part_is_a_mistake() {
        let at = tempfile::tempdir().unwrap();
        let store = Store::Directory(at.path().to_path_buf());
        for scope in [Scope::Common, Scope::Environment("eu"), Scope::All] {
            assert_eq!(load(&store, scope).await.unwrap(), None, "{scope:?}");
        }
        put(at.path(), "config/environments/eu.toml", &of("eu"));
        let error = load(&store, Scope::All).await.unwrap_err().to_string();
        assert!(error.contains("config/vigie.toml is missing") && error.contains("config push"), "{error}");
    }

    #[tokio::test]
    async fn an_audit_sees_its_own_environment_and_no_other() {
        let at = tempfile::tempdir().unwrap();
        let store = Store::Directory(at.path().to_path_buf());
        put(at.path(), "config/vigie.toml", COMMON);
        put(at.path(), "config/environments/eu.toml", &of("eu"));
        put(at.path(), "config/environments/us.toml", "class = ");
        let config = load(&store, Scope::Environment("eu")).await.unwrap().unwrap();
        assert_eq!(config.environment.keys().collect::<Vec<_>>(), ["eu"]);
        assert_eq!(names(&store).await.unwrap(), ["eu", "us"]);
        // Another's mistake is another's: its own audit says it, with the place.
        let error = load(&store, Scope::Environment("us")).await.unwrap_err().to_string();
        assert!(error.contains("us.toml:1:"), "{error}");
        assert!(load(&store, Scope::Environment("../vigie")).await.unwrap().unwrap().environment.is_empty());
    }

    #[tokio::test]
    async fn all_is_all_and_twice_is_a_mistake() {
        let at = tempfile::tempdir().unwrap();
        let store = Store::Directory(at.path().to_path_buf());
        put(at.path(), "config/vigie.toml", &of("main"));
        put(at.path(), "config/environments/eu.toml", &of("eu"));
        let config = load(&store, Scope::All).await.unwrap().unwrap();
        assert_eq!(config.environment.keys().collect::<Vec<_>>(), ["eu", "main"]);
        put(at.path(), "config/environments/main.toml", &of("main"));
        let error = load(&store, Scope::Environment("main")).await.unwrap_err().to_string();
        assert!(error.contains("keep one"), "{error}");
    }
}
