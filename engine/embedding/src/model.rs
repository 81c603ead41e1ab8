//! A sentence-embedding model: a BERT-like network and its tokenizer.
//!
//! Start at [`Model::open`]. The files are what the operator added; a broken one is an error, never a panic. What no
//! library can promise: a file made on purpose may still take all memory or never end, so add models only from people
//! you trust.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use heinzel_knowledge::rank::embed::{EmbedError, Embedder, Kind};
use rten::{ModelOptions, NodeId, RunOptions, ThreadPool, Value};
use rten_tensor::TensorView;
use rten_tensor::prelude::*;

use crate::folder::{Files, Manner, ModelError, Pooling, read};
use crate::tokens::{Pieces, caught};

/// The most pieces of a draft that are looked at: what is typed in a form. It bounds the time of one draft.
const MOST_DRAFT: usize = 128;

/// A model in memory, ready to run.
pub struct Model {
    name: String,
    network: rten::Model,
    inputs: Vec<Input>,
    output: NodeId,
    pieces: Pieces,
    manner: Manner,
    fingerprint: [u8; 32],
    dimensions: usize,
    threads: usize,
    /// Pools of one thread each, for as many texts at a time: a network on more threads than one is no quicker for
    /// short texts, and would take the cores from what heals.
    idle: Mutex<Vec<Arc<ThreadPool>>>,
}

/// An input of the network.
struct Input {
    node: NodeId,
    given: Given,
    /// A list, instead of a list for each text of a batch.
    flat: bool,
}

/// What an input of the network is given.
#[derive(Clone, Copy, PartialEq)]
enum Given {
    Ids,
    Mask,
    Types,
    Positions,
}

impl Model {
    /// Reads the model in this folder and runs it once. Lists of texts are spread over `threads` threads; one text
    /// always takes one.
    ///
    /// # Errors
    /// [`ModelError`] names the file and what is wrong with it.
    pub fn open(folder: &Path, threads: usize) -> Result<Self, ModelError> {
        let Files { network: network_file, network_bytes, tokenizer, tokenizer_bytes, manner, fingerprint } =
            read(folder)?;
        let damaged = |file: &PathBuf| {
            let file = file.clone();
            move |reason| ModelError::Damaged { file, reason }
        };
        let pieces = Pieces::read(&tokenizer_bytes).map_err(damaged(&tokenizer))?;
        drop(tokenizer_bytes);
        let network = caught(|| {
            let mut options = ModelOptions::with_all_ops();
            // Weights packed once instead of for each text: a third less time for short ones, 20 MB more for
            // multilingual-e5-small (measured 2026-11-22).
            options.prepack_weights(true);
            options.load(network_bytes).map_err(|e| e.to_string())
        });
        let network = network.map_err(damaged(&network_file))?;
        let inputs = inputs(&network).map_err(damaged(&network_file))?;
        let output = output(&network).map_err(damaged(&network_file))?;
        let folder = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
        let name = folder.file_name().unwrap_or(folder.as_os_str()).to_string_lossy().into_owned();
        let mut model = Self {
            name,
            network,
            inputs,
            output,
            pieces,
            manner,
            fingerprint,
            dimensions: 0,
            threads: threads.max(1),
            idle: Mutex::default(),
        };
        let vector = model.vector("a", Kind::Draft).map_err(damaged(&network_file))?;
        model.dimensions = vector.len();
        Ok(model)
    }

    /// The name of its folder.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The hash of its files: vectors of models with different ones must not be compared.
    #[must_use]
    pub fn fingerprint(&self) -> [u8; 32] {
        self.fingerprint
    }

    /// The vector of one text, of length one.
    fn vector(&self, text: &str, kind: Kind) -> Result<Vec<f32>, String> {
        let (prefix, most) = match kind {
            Kind::Draft => (&self.manner.draft, MOST_DRAFT.min(self.manner.most_tokens)),
            Kind::Passage => (&self.manner.passage, self.manner.most_tokens),
        };
        let ids = self.pieces.of(prefix, text, most)?;
        if ids.is_empty() {
            return Err("the tokenizer finds no piece in a text".into());
        }
        let pool = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let pool = pool.unwrap_or_else(|| Arc::new(ThreadPool::with_num_threads(1)));
        let vector = caught(|| self.run(&ids, &pool));
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(pool);
        vector
    }

    /// One text at a time: a network in whole numbers measures what it is given together with one rod, so the vector of
    /// a text would depend on its neighbours in a batch.
    fn run(&self, ids: &[i32], pool: &Arc<ThreadPool>) -> Result<Vec<f32>, String> {
        let (ones, zeros) = (vec![1_i32; ids.len()], vec![0_i32; ids.len()]);
        let positions: Vec<i32> = (0..).take(ids.len()).collect();
        let mut inputs = Vec::with_capacity(self.inputs.len());
        for input in &self.inputs {
            let data = match input.given {
                Given::Ids => ids,
                Given::Mask => &ones,
                Given::Types => &zeros,
                Given::Positions => &positions,
            };
            let shape: &[usize] = if input.flat { &[ids.len()] } else { &[1, ids.len()] };
            let view = TensorView::try_from_data(shape, data).map_err(|e| e.to_string())?;
            inputs.push((input.node, view.into()));
        }
        let options = RunOptions::default().with_thread_pool(Some(Arc::clone(pool)));
        let [value] = self.network.run_n(inputs, [self.output], Some(options)).map_err(|e| e.to_string())?;
        unit(pooled(value, ids.len(), self.manner.pooling)?)
    }
}

impl std::fmt::Debug for Model {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Model").field("name", &self.name).field("dimensions", &self.dimensions).finish_non_exhaustive()
    }
}

impl Embedder for Model {
    fn embed(&self, texts: &[&str], kind: Kind) -> Result<Vec<Vec<f32>>, EmbedError> {
        let failed = |reason| EmbedError { model: self.name.clone(), texts: texts.len(), reason };
        let one = |text: &&str| {
            let vector = self.vector(text, kind)?;
            let (got, wanted) = (vector.len(), self.dimensions);
            if got == wanted { Ok(vector) } else { Err(format!("a vector of {got} numbers instead of {wanted}")) }
        };
        let part = |texts: &[&str]| texts.iter().map(one).collect::<Result<Vec<_>, String>>();
        let size = texts.len().div_ceil(self.threads).max(1);
        if size >= texts.len() {
            return part(texts).map_err(failed);
        }
        let parts: Result<Vec<_>, String> = std::thread::scope(|scope| {
            let workers: Vec<_> = texts.chunks(size).map(|texts| scope.spawn(move || part(texts))).collect();
            let ended =
                workers.into_iter().map(|worker| worker.join().unwrap_or_else(|_| Err("a thread broke".into())));
            ended.collect()
        });
        Ok(parts.map_err(failed)?.concat())
    }

    fn dimensions(&self) -> usize {
        self.dimensions
    }
}

/// What the network wants to be given, by the names that all exporters of BERT-like networks use.
fn inputs(network: &rten::Model) -> Result<Vec<Input>, String> {
    let known = |&node: &NodeId| {
        let about = network.node_info(node).ok_or("one of its inputs is nowhere in it")?;
        let given = match about.name().unwrap_or_default() {
            "input_ids" => Given::Ids,
            "attention_mask" => Given::Mask,
            "token_type_ids" => Given::Types,
            "position_ids" => Given::Positions,
            other => return Err(format!("it wants an input `{other}`, which is unknown here")),
        };
        Ok(Input { node, given, flat: about.shape().is_some_and(|shape| shape.len() == 1) })
    };
    let inputs: Vec<_> = network.input_ids().iter().map(known).collect::<Result<_, _>>()?;
    if inputs.iter().any(|input| input.given == Given::Ids) {
        Ok(inputs)
    } else {
        Err("it has no input `input_ids`".into())
    }
}

/// The output to read: one vector a text if there is such, else one a piece.
fn output(network: &rten::Model) -> Result<NodeId, String> {
    let named = ["sentence_embedding", "last_hidden_state", "token_embeddings"];
    let outputs = network.output_ids();
    let found = named.iter().find_map(|name| network.find_node(name).filter(|id| outputs.contains(id)));
    found.or_else(|| outputs.first().copied()).ok_or_else(|| "it has no output".into())
}

/// One vector of what the network says: `[1, dimensions]`, or `[1, pieces, dimensions]`.
fn pooled(value: Value, pieces: usize, pooling: Pooling) -> Result<Vec<f32>, String> {
    let tensor = value.into_tensor::<f32>().ok_or("its output is no list of fractions")?;
    let wrong = || format!("its output has the shape {:?} for {pieces} pieces", tensor.shape());
    let (rows, dimensions) = match *tensor.shape() {
        [1, dimensions] => (1, dimensions),
        [1, rows, dimensions] if rows == pieces => (rows, dimensions),
        _ => return Err(wrong()),
    };
    if dimensions == 0 || dimensions > 8192 {
        return Err(wrong());
    }
    let data = tensor.to_vec();
    let rows = if pooling == Pooling::Cls { 1 } else { rows };
    let mut sum = vec![0.0_f32; dimensions];
    for row in data.chunks_exact(dimensions).take(rows) {
        for (sum, x) in sum.iter_mut().zip(row) {
            *sum += x;
        }
    }
    Ok(sum)
}

/// The vector with length one.
fn unit(mut vector: Vec<f32>) -> Result<Vec<f32>, String> {
    let length = vector.iter().map(|x| x * x).sum::<f32>().sqrt();
    if !length.is_finite() || length < 1e-12 {
        return Err("its vectors are no numbers, or nothing at all".into());
    }
    vector.iter_mut().for_each(|x| *x /= length);
    Ok(vector)
}
