//! `model.safetensors.index.json`: which tensor is in which file of a model in several files.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

/// The index of a model in several files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShardIndex {
    /// The file name of each tensor's shard, by the tensor's name.
    pub weight_map: BTreeMap<String, String>,
}

/// An index that can't be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IndexError {
    /// Not the JSON that it should be.
    #[error("not a valid index of shards: {problem}")]
    Json {
        /// What the JSON parser says.
        problem: String,
    },
    /// A shard whose name isn't that of a file beside the index.
    #[error(
        "tensor `{tensor}` is said to be in `{shard}`, which isn't the name of a file in the same folder"
    )]
    ShardName {
        /// The tensor.
        tensor: String,
        /// The shard's name.
        shard: String,
    },
    /// A tensor that isn't where the index says.
    #[error(
        "tensor `{tensor}` isn't in `{shard}`, where the index says it is: the files are of different versions"
    )]
    NotInShard {
        /// The tensor.
        tensor: String,
        /// The shard's name.
        shard: String,
    },
    /// A tensor in two shards.
    #[error("tensor `{tensor}` is in two shards, the second time in `{shard}`")]
    InTwoShards {
        /// The tensor.
        tensor: String,
        /// The second shard's name.
        shard: String,
    },
}

#[derive(Deserialize)]
struct Json {
    weight_map: BTreeMap<String, String>,
}

impl ShardIndex {
    /// Parses the index.
    ///
    /// # Errors
    /// [`IndexError::Json`]; [`IndexError::ShardName`] for a name that could lead out of the folder.
    pub fn parse(json: &[u8]) -> Result<Self, IndexError> {
        let Json { weight_map } =
            serde_json::from_slice(json).map_err(|error| IndexError::Json { problem: error.to_string() })?;
        for (tensor, shard) in &weight_map {
            let is_name =
                !shard.contains(['/', '\\', ':', '\0']) && !["", ".", ".."].contains(&shard.as_str());
            if !is_name {
                return Err(IndexError::ShardName { tensor: tensor.clone(), shard: shard.clone() });
            }
        }
        Ok(Self { weight_map })
    }

    /// The file names of the shards, sorted, each once.
    pub fn shards(&self) -> Vec<String> {
        self.weight_map.values().collect::<BTreeSet<_>>().into_iter().cloned().collect()
    }
}
