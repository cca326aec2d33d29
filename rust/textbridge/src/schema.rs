//! JSON Schema: compiled once, asked many times.
// SPDX-License-Identifier: Apache-2.0
use jsonschema::{Draft, Retrieve, Uri, Validator};
use serde_json::Value;

use crate::guard::guarded;

pub struct JsonSchema(Validator);

/// A schema comes from a model's user, a file or another program: what it
/// refers to is never fetched.
struct NoRetrieval;

impl Retrieve for NoRetrieval {
    fn retrieve(
        &self,
        uri: &Uri<String>,
    ) -> Result<Value, Box<dyn std::error::Error + Send + Sync>> {
        Err(format!("'{uri}' is outside of the schema and is not fetched").into())
    }
}

impl JsonSchema {
    pub fn compile(source: &[u8]) -> Result<Self, String> {
        let schema: Value = serde_json::from_slice(source).map_err(|error| error.to_string())?;
        jsonschema::options()
            .with_draft(draft_of(&schema))
            .with_retriever(NoRetrieval)
            .build(&schema)
            .map(Self)
            .map_err(|error| error.to_string())
    }

    /// Path, message, path, message ...: none if `instance` holds.
    pub fn violations(&self, instance: &[u8], limit: usize) -> Result<Vec<String>, String> {
        guarded(|| {
            let value: Value =
                serde_json::from_slice(instance).map_err(|error| error.to_string())?;
            Ok(self
                .0
                .iter_errors(&value)
                .take(limit)
                .flat_map(|error| [error.instance_path().to_string(), error.to_string()])
                .collect())
        })
    }
}

/// The one that the schema names, else the newest.
fn draft_of(schema: &Value) -> Draft {
    Draft::default().detect(schema)
}
