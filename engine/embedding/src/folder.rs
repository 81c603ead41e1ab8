//! What the folder of a model holds, and what is wrong with it.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use sha2::{Digest as _, Sha256};

/// The names under which the network itself is looked for, the first that is there.
pub const NETWORKS: [&str; 3] = ["model.int8.onnx", "model.onnx", "model.rten"];
/// How the text is cut into pieces: the format of the crate `tokenizers`.
pub const TOKENIZER: &str = "tokenizer.json";
/// How the model wants to be asked; without it, as multilingual-e5 does.
pub const MANNER: &str = "model.toml";

/// The largest network that is read, in bytes. The whole of it is kept in memory; 2 GiB is also the most that an ONNX
/// file can hold (the limit of its Protocol Buffers).
pub const MOST_NETWORK: u64 = 2 << 30;
/// The largest tokenizer that is read, in bytes. That of multilingual-e5 with its 250,000 pieces has 17 MB.
pub const MOST_TOKENIZER: u64 = 128 << 20;
/// The largest `model.toml`, in bytes.
const MOST_MANNER: u64 = 64 << 10;

/// Why a folder is no usable model.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// One of its files is not there.
    #[error("there is no {wanted} in {}; a model is a folder with {} and {TOKENIZER}", folder.display(), NETWORKS.join(" or "))]
    Absent {
        /// The folder.
        folder: PathBuf,
        /// What was looked for.
        wanted: String,
    },
    /// A file cannot be read.
    #[error("read {}", file.display())]
    Read {
        /// The file.
        file: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// A file is too large.
    #[error("{} has more than {most} bytes, and no model this engine can keep in memory does", file.display())]
    Large {
        /// The file.
        file: PathBuf,
        /// The most that is read.
        most: u64,
    },
    /// A file was read and is not what it should be.
    #[error("{}: {reason}; it may be damaged or not meant for this engine, so get it anew from where it came from and add the model again (`heinzel model add`)", file.display())]
    Damaged {
        /// The file.
        file: PathBuf,
        /// What is wrong.
        reason: String,
    },
}

impl ModelError {
    /// The same of a copy in `copy` whose original is in `origin`, a folder or an address: what the operator knows.
    #[must_use]
    pub fn of_original(mut self, copy: &Path, origin: &Path) -> Self {
        let place = match &mut self {
            Self::Absent { folder, .. } => folder,
            Self::Read { file, .. } | Self::Large { file, .. } | Self::Damaged { file, .. } => file,
        };
        if let Ok(rest) = place.strip_prefix(copy) {
            *place = if rest.as_os_str().is_empty() { origin.to_owned() } else { origin.join(rest) };
        }
        self
    }
}

/// How a model wants to be asked: `model.toml`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Manner {
    /// What stands before a draft.
    pub draft: String,
    /// What stands before an answer.
    pub passage: String,
    /// How one vector is made of the vectors of all pieces.
    pub pooling: Pooling,
    /// The most pieces the network takes.
    pub most_tokens: usize,
}

/// How one vector is made of the vectors of all pieces.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Pooling {
    /// Their mean.
    Mean,
    /// The first one.
    Cls,
}

impl Default for Manner {
    /// Wang et al. 2024, "Multilingual E5 Text Embeddings", and the model's own page.
    fn default() -> Self {
        Self { draft: "query: ".into(), passage: "passage: ".into(), pooling: Pooling::Mean, most_tokens: 512 }
    }
}

/// The files of a model, read.
pub(crate) struct Files {
    pub(crate) network: PathBuf,
    pub(crate) network_bytes: Vec<u8>,
    pub(crate) tokenizer: PathBuf,
    pub(crate) tokenizer_bytes: Vec<u8>,
    pub(crate) manner: Manner,
    /// The hash of all of them: what a stored vector belongs to.
    pub(crate) fingerprint: [u8; 32],
}

/// The files of a model, by name: the network and the tokenizer.
///
/// # Errors
/// [`ModelError::Absent`] when one is not there.
pub fn look(folder: &Path) -> Result<(PathBuf, PathBuf), ModelError> {
    let absent = |wanted: &str| ModelError::Absent { folder: folder.to_owned(), wanted: wanted.to_owned() };
    let network = NETWORKS.iter().map(|name| folder.join(name)).find(|file| file.is_file());
    let network = network.ok_or_else(|| absent(NETWORKS[0]))?;
    let tokenizer = folder.join(TOKENIZER);
    if tokenizer.is_file() { Ok((network, tokenizer)) } else { Err(absent(TOKENIZER)) }
}

pub(crate) fn read(folder: &Path) -> Result<Files, ModelError> {
    let (network, tokenizer) = look(folder)?;
    let network_bytes = bytes(&network, MOST_NETWORK)?;
    let tokenizer_bytes = bytes(&tokenizer, MOST_TOKENIZER)?;
    let manner_file = folder.join(MANNER);
    let manner_bytes = if manner_file.exists() { bytes(&manner_file, MOST_MANNER)? } else { Vec::new() };
    let damaged = |reason: String| ModelError::Damaged { file: manner_file.clone(), reason };
    let text = String::from_utf8(manner_bytes).map_err(|e| damaged(e.to_string()))?;
    let manner: Manner = toml::from_str(&text).map_err(|e| damaged(e.to_string().trim_end().to_owned()))?;
    if !(8..=8192).contains(&manner.most_tokens) {
        return Err(damaged(format!("most_tokens is {}; it must be 8 to 8192", manner.most_tokens)));
    }
    let mut hash = Sha256::new();
    for part in [&*network_bytes, &tokenizer_bytes, text.as_bytes()] {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    Ok(Files { network, network_bytes, tokenizer, tokenizer_bytes, manner, fingerprint: hash.finalize().into() })
}

/// The whole file, if it is not larger than `most`, however much is written to it meanwhile.
fn bytes(file: &Path, most: u64) -> Result<Vec<u8>, ModelError> {
    let failed = |source| ModelError::Read { file: file.to_owned(), source };
    let open = std::fs::File::open(file).map_err(failed)?;
    let size = open.metadata().map_err(failed)?.len().min(most);
    let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or_default());
    open.take(most + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > most {
        return Err(ModelError::Large { file: file.to_owned(), most });
    }
    Ok(bytes)
}
