//! `heinzel model`: sentence-embedding models, as files that the operator adds.

use std::fmt::Write as _;
use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use clap::Subcommand;
use heinzel_embedding::folder::{MANNER, MOST_NETWORK, MOST_TOKENIZER, ModelError, NETWORKS, TOKENIZER, look};
use heinzel_embedding::model::Model;
use heinzel_knowledge::front_matter::is_name;
use heinzel_knowledge::rank::embed::{Embedder as _, Kind};
use serde_json::json;
use sha2::{Digest as _, Sha256};

use crate::exit::{Ends, Exit};
use crate::front::MODELS;

#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    /// Check a model and copy it into the state folder; then `[suggestions] model = "NAME"`.
    Add {
        /// A folder with `model.int8.onnx`, `model.onnx` or `model.rten` and `tokenizer.json`, or the `https://` address of one.
        from: String,
        /// Its name here [default: that of the folder].
        #[arg(long)]
        name: Option<String>,
    },
    /// List the models that are there.
    List,
    /// Run a model on a sentence of each language.
    Test {
        /// Its name, or a folder.
        model: String,
    },
    /// Remove a model.
    Remove {
        /// Its name.
        name: String,
    },
}

/// What the names of folders begin with in which models are made ready.
const ADDING: &str = ".adding-";
/// How long a server may say nothing.
const TIMEOUT: Duration = Duration::from_secs(60);
/// What a model is tried on: pairs that mean the same in both languages, and one that does not.
const SENTENCES: [&str; 3] = ["Mein Server startet nicht", "My server does not start", "Wo ist meine Rechnung?"];

pub(super) fn model(global: &super::Global, command: &Command) -> anyhow::Result<Exit> {
    let config = global.config()?;
    let models = config.state.join(MODELS);
    match command {
        Command::Add { from, name } => add(global, &models, from, name.as_deref()),
        Command::List => list(global, &models, config.suggestions.model.as_deref()),
        Command::Test { model } => {
            let folder = Path::new(model);
            let folder = if folder.is_dir() { folder.to_owned() } else { models.join(known(&models, model)?) };
            test(global, &folder)?;
            Ok(Exit::Ok)
        }
        Command::Remove { name } => {
            let folder = models.join(known(&models, name)?);
            std::fs::remove_dir_all(&folder).with_context(|| format!("remove {}", folder.display()))?;
            // What it made of the answers; it may never have been used.
            let _ = std::fs::remove_file(models.join(format!("{name}.vectors")));
            super::print(&format!("{name} is removed\n"))?;
            Ok(Exit::Ok)
        }
    }
}

/// A name that a model has.
fn known<'a>(models: &Path, name: &'a str) -> anyhow::Result<&'a str> {
    if is_name(name) && models.join(name).is_dir() {
        return Ok(name);
    }
    let way = format!("there is no model `{name}` in {}; `heinzel model list` shows those there are", models.display());
    Err(Ends::with(Exit::Refused, way))
}

fn add(global: &super::Global, models: &Path, from: &str, name: Option<&str>) -> anyhow::Result<Exit> {
    let last = from.trim_end_matches('/').rsplit('/').next().unwrap_or_default().to_lowercase();
    let name = name.unwrap_or(&last);
    if !is_name(name) {
        let way = format!("`{name}` is no name for a model; say --name with small letters, digits and hyphens");
        return Err(Ends::with(Exit::Refused, way));
    }
    let folder = models.join(name);
    if folder.exists() {
        let way = format!("there is a model `{name}` already; `heinzel model remove {name}` first, or say --name");
        return Err(Ends::with(Exit::Refused, way));
    }
    std::fs::create_dir_all(models).with_context(|| format!("make {}", models.display()))?;
    let (fresh, _lock) = fresh_folder(models)?;
    if from.starts_with("https://") {
        download(from.trim_end_matches('/'), fresh.path())?;
    } else if from.contains("://") {
        bail!("{from} is no https:// address; a model decides what customers are shown");
    } else {
        let (network, tokenizer) = look(Path::new(from))?;
        let manner = Path::new(from).join(MANNER);
        for file in [network, tokenizer].into_iter().chain(manner.is_file().then_some(manner)) {
            let to = fresh.path().join(file.file_name().unwrap_or_default());
            std::fs::copy(&file, &to).with_context(|| format!("copy {}", file.display()))?;
        }
    }
    let original = Path::new(from.trim_end_matches('/'));
    test(global, fresh.path()).map_err(|error| match error.downcast::<ModelError>() {
        Ok(error) => error.of_original(fresh.path(), original).into(),
        Err(error) => error,
    })?;
    let fresh = fresh.keep();
    std::fs::rename(&fresh, &folder).with_context(|| format!("move {} to {}", fresh.display(), folder.display()))?;
    if !global.json {
        super::print(&format!(
            "added as {name}: write `model = \"{name}\"` into [suggestions] and start the engine again\n"
        ))?;
    }
    Ok(Exit::Ok)
}

/// A folder beside the place of a model, so that it comes there whole or not at all; and the lock that says that somebody is
/// adding one. What earlier runs left that were killed is removed.
fn fresh_folder(models: &Path) -> anyhow::Result<(tempfile::TempDir, File)> {
    // Between making a folder and locking it nobody may look.
    let look = || format!("look into {}", models.display());
    let all = File::open(models).with_context(look)?;
    all.lock().with_context(look)?;
    for left in left_over(models) {
        std::fs::remove_dir_all(&left).with_context(|| format!("remove {}", left.display()))?;
        super::remark(&format!("removed {}, which a `heinzel model add` left that was broken off\n", left.display()));
    }
    let fresh = tempfile::Builder::new()
        .prefix(ADDING)
        .tempdir_in(models)
        .with_context(|| format!("make a folder in {}", models.display()))?;
    let lock = File::open(fresh.path()).with_context(look)?;
    lock.lock().with_context(look)?;
    Ok((fresh, lock))
}

/// Folders of `heinzel model add` that nobody works on any more.
fn left_over(models: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(models).into_iter().flatten().filter_map(Result::ok);
    entries
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(ADDING))
        .map(|entry| entry.path())
        .filter(|path| path.is_dir() && File::open(path).is_ok_and(|folder| folder.try_lock().is_ok()))
        .collect()
}

/// Runs a model, and says what comes out and how long it takes.
fn test(global: &super::Global, folder: &Path) -> anyhow::Result<()> {
    let model = Model::open(folder, 1)?;
    let began = Instant::now();
    let vectors = model.embed(&SENTENCES, Kind::Draft)?;
    let millis = began.elapsed().as_millis() / SENTENCES.len() as u128;
    let product = |a: usize, b: usize| -> f32 { vectors[a].iter().zip(&vectors[b]).map(|(x, y)| x * y).sum() };
    let (alike, unlike) = (product(0, 1), product(0, 2));
    let (network, _) = look(folder)?;
    let mut file = File::open(&network).with_context(|| format!("open {}", network.display()))?;
    let mut hasher = Sha256::new();
    std::io::copy(&mut file, &mut hasher).with_context(|| format!("read {}", network.display()))?;
    let sum: String = hasher.finalize().iter().fold(String::new(), |mut text, byte| {
        // Writing into a text cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    });
    if global.json {
        return super::print_json(&json!({
            "dimensions": model.dimensions(), "millis": millis, "alike": alike, "unlike": unlike, "sha256": sum,
        }));
    }
    super::print(&format!(
        "{} dimensions, {millis} ms a sentence; the same in German and English {alike:.2}, something else {unlike:.2}\n\
         sha256 {sum} {}\n",
        model.dimensions(),
        network.file_name().unwrap_or_default().to_string_lossy(),
    ))?;
    if alike <= unlike {
        bail!(
            "it finds a German sentence no nearer to the same in English than to another: this model does not know both languages"
        );
    }
    Ok(())
}

fn list(global: &super::Global, models: &Path, used: Option<&str>) -> anyhow::Result<Exit> {
    let entries =
        std::fs::read_dir(models).map(|all| all.filter_map(Result::ok).collect::<Vec<_>>()).unwrap_or_default();
    let mut names: Vec<String> = entries
        .iter()
        .filter(|entry| entry.path().is_dir())
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .filter(|name| is_name(name))
        .collect();
    names.sort();
    for left in left_over(models) {
        super::remark(&format!(
            "{} was left by a `heinzel model add` that was broken off; the next one removes it\n",
            left.display()
        ));
    }
    if global.json {
        for name in &names {
            super::print_json(&json!({ "model": name, "used": used == Some(name) }))?;
        }
        return Ok(Exit::Ok);
    }
    let lines: String = names.iter().fold(String::new(), |mut lines, name| {
        let _ = writeln!(lines, "{name}{}", if used == Some(name) { "  (used)" } else { "" });
        lines
    });
    super::print(if lines.is_empty() {
        "there is no model; `heinzel model add FOLDER|URL` adds one\n"
    } else {
        &lines
    })?;
    Ok(Exit::Ok)
}

/// Gets the files of a model from an address.
fn download(url: &str, into: &Path) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("begin to download")?;
    runtime.block_on(async {
        let client =
            reqwest::Client::builder().https_only(true).read_timeout(TIMEOUT).build().context("begin to download")?;
        get(&client, &format!("{url}/{TOKENIZER}"), &into.join(TOKENIZER), MOST_TOKENIZER)
            .await?
            .with_context(|| format!("there is no {url}/{TOKENIZER}"))?;
        // How it wants to be asked; most models need none.
        get(&client, &format!("{url}/{MANNER}"), &into.join(MANNER), 64 << 10).await?;
        for network in NETWORKS {
            if get(&client, &format!("{url}/{network}"), &into.join(network), MOST_NETWORK).await?.is_some() {
                return Ok(());
            }
        }
        bail!("{url} has none of {}", NETWORKS.join(", "))
    })
}

/// Writes what is at an address into a file; `None`: there is nothing.
async fn get(client: &reqwest::Client, url: &str, file: &PathBuf, most: u64) -> anyhow::Result<Option<()>> {
    let mut answer = client.get(url).send().await.with_context(|| format!("ask {url}"))?;
    if answer.status() == reqwest::StatusCode::NOT_FOUND {
        return Ok(None);
    }
    if !answer.status().is_success() {
        bail!("{url} answered {}", answer.status());
    }
    let bar = super::audit::progress("downloading");
    bar.set_length(answer.content_length().unwrap_or(most));
    let mut out = File::create(file).with_context(|| format!("write {}", file.display()))?;
    let mut length = 0;
    while let Some(piece) = answer.chunk().await.with_context(|| format!("read from {url}"))? {
        length += piece.len() as u64;
        if length > most {
            bail!("{url} has more than {most} bytes");
        }
        out.write_all(&piece).with_context(|| format!("write {}", file.display()))?;
        bar.set_position(length);
    }
    bar.finish_and_clear();
    Ok(Some(()))
}
