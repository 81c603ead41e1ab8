//! A real model, where one lies beside the project: near meanings are near, and a damaged file is an error.
#![allow(clippy::print_stderr, reason = "a test that is skipped says so")]

use std::path::{Path, PathBuf};

use heinzel_embedding::folder::ModelError;
use heinzel_embedding::model::Model;
use heinzel_knowledge::rank::embed::{Embedder, Kind};

/// The model, if it is there.
fn folder() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/models/multilingual-e5-small");
    if folder.exists() {
        return Some(folder);
    }
    eprintln!("SKIPPED: no model in {}; only made-up files are read", folder.display());
    None
}

fn near(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[test]
fn what_means_the_same_is_near_in_both_languages() {
    let Some(folder) = folder() else { return };
    let model = Model::open(&folder, 2).unwrap();
    assert_eq!(model.dimensions(), 384);
    let passages = ["Passwort des Postfachs ändern", "Where do I find my invoice?"];
    let passages = model.embed(&passages, Kind::Passage).unwrap();
    let drafts = ["I forgot the password of my mailbox", "wo ist meine Rechnung", ""];
    let asked = model.embed(&drafts, Kind::Draft).unwrap();
    assert!(near(&asked[0], &passages[0]) > near(&asked[0], &passages[1]) + 0.02);
    assert!(near(&asked[1], &passages[1]) > near(&asked[1], &passages[0]) + 0.02);
    for vector in asked.iter().chain(&passages) {
        assert!((near(vector, vector) - 1.0).abs() < 1e-3 && vector.iter().all(|x| x.is_finite()));
    }
    assert_eq!(model.embed(&drafts[..1], Kind::Draft).unwrap()[0], asked[0], "alone as among others");
}

/// Why the model in `folder` is not taken.
fn refused(folder: &Path) -> ModelError {
    match Model::open(folder, 1) {
        Ok(_) => panic!("a damaged model is taken from {}", folder.display()),
        Err(error) => error,
    }
}

#[test]
fn a_damaged_model_is_an_error_that_names_the_file() {
    let Some(folder) = folder() else { return };
    let network = std::fs::read(folder.join("model.int8.onnx")).unwrap();
    let copy = tempfile::tempdir().unwrap();
    std::fs::copy(folder.join("tokenizer.json"), copy.path().join("tokenizer.json")).unwrap();
    let file = copy.path().join("model.int8.onnx");
    let mut noise = network.clone();
    noise[..4096].fill(0x5a);
    for damaged in [&network[..0], &network[..1000], &network[..network.len() / 2], &noise] {
        std::fs::write(&file, damaged).unwrap();
        let error = refused(copy.path());
        assert!(matches!(error, ModelError::Damaged { .. }), "{error}");
        assert!(error.to_string().contains("model.int8.onnx"), "{error}");
    }
    std::fs::write(&file, &network).unwrap();
    std::fs::write(copy.path().join("tokenizer.json"), "{\"model\":").unwrap();
    let error = refused(copy.path()).to_string();
    assert!(error.contains("tokenizer.json"), "{error}");
}
