//! Models at the command line: what is wrong with one, and what a run leaves that was killed.

use std::fs::File;

use crate::lab::Lab;

#[test]
fn a_damaged_model_is_named_as_the_operator_knows_it() {
    let lab = Lab::new();
    lab.write("broken/tokenizer.json", "{\"model\":");
    lab.write("broken/model.onnx", "");
    let broken = lab.path("broken").display().to_string();
    let ran = lab.run(&["model", "add", &broken]).ends(1, &[&format!("{broken}/tokenizer.json"), "get it anew"]);
    assert!(!ran.err.contains(".adding-"), "{}", ran.err);
    lab.run(&["model", "list"]).ends(0, &["there is no model"]);
}

#[test]
fn what_a_killed_run_left_is_removed_by_the_next() {
    let lab = Lab::new();
    for folder in [".adding-left", ".adding-held"] {
        lab.write(&format!("state/models/{folder}/model.onnx"), "half of it");
    }
    // As another run does that is still at work.
    let held = File::open(lab.path("state/models/.adding-held")).unwrap();
    held.lock().unwrap();
    let said = ["there is no model", ".adding-left was left", "the next one removes it"];
    let list = lab.run(&["model", "list"]).ends(0, &said);
    assert!(!list.err.contains(".adding-held"), "{}", list.err);
    lab.write("broken/tokenizer.json", "{\"model\":");
    lab.write("broken/model.onnx", "");
    lab.run(&["model", "add", "broken"]).ends(1, &["removed", ".adding-left", "broken/tokenizer.json"]);
    let left: Vec<_> =
        std::fs::read_dir(lab.path("state/models")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, [".adding-held"]);
    drop(held);
}
