//! Chat templates: compiled once, rendered often.
// SPDX-License-Identifier: Apache-2.0
use crate::budget;
use crate::dialect;
use crate::environment::{new_environment, Raised, NOW};
use crate::ffi::{LocalTime, RenderStatus, Rendering};
use crate::guard::guarded;
use minijinja::{Environment, Error, ErrorKind, Value};
use std::collections::BTreeMap;
use std::str::from_utf8;

const NAME: &str = "chat template";
const STACK_BYTES: usize = 16 << 20;

pub struct Template {
    environment: Environment<'static>,
}

impl Template {
    pub fn compile(source: &[u8]) -> Result<Self, String> {
        on_large_stack(|| Self::compile_here(source))
    }

    fn compile_here(source: &[u8]) -> Result<Self, String> {
        let source = from_utf8(source).map_err(|e| e.to_string())?;
        let mut environment = new_environment();
        environment
            .add_template_owned(NAME, dialect::translate(source)?)
            .map_err(|error| {
                let line = error.line().unwrap_or(0);
                format!("line {line}: {}", describe(&error))
            })?;
        Ok(Self { environment })
    }

    pub fn render(
        &self,
        messages: &[u8],
        tools: &[u8],
        variables: &[u8],
        now: &LocalTime,
    ) -> Rendering {
        let outcome = guarded(|| {
            on_large_stack(|| {
                budget::begin();
                Ok(self.try_render(messages, tools, variables, now))
            })
        });
        outcome.unwrap_or_else(|panic| Rendering {
            status: RenderStatus::Failed,
            text: panic,
            line: 0,
        })
    }

    fn try_render(
        &self,
        messages: &[u8],
        tools: &[u8],
        variables: &[u8],
        now: &LocalTime,
    ) -> Rendering {
        let context = match context(messages, tools, variables, now) {
            Ok(context) => context,
            Err(text) => {
                return Rendering {
                    status: RenderStatus::Failed,
                    text,
                    line: 0,
                }
            }
        };
        let template = self.environment.get_template(NAME);
        match template.and_then(|template| template.render(context)) {
            Ok(text) => Rendering {
                status: RenderStatus::Done,
                text,
                line: 0,
            },
            Err(error) => failure(&error),
        }
    }
}

/// Threads have between half a megabyte and eight of stack; what templates may
/// nest is laid out for this.
fn on_large_stack<T>(work: impl FnOnce() -> T) -> T {
    stacker::maybe_grow(STACK_BYTES / 2, STACK_BYTES, work)
}

fn context(
    messages: &[u8],
    tools: &[u8],
    variables: &[u8],
    now: &LocalTime,
) -> Result<Value, String> {
    let parse = |what: &str, json: &[u8]| {
        serde_json::from_slice::<Value>(json).map_err(|e| format!("{what}: {e}"))
    };
    let mut entries = vec![
        ("messages".to_owned(), parse("messages", messages)?),
        ("tools".to_owned(), parse("tools", tools)?),
        (NOW.to_owned(), now_value(now)),
    ];
    let variables = parse("template variables", variables)?;
    for key in variables.try_iter().map_err(|e| e.to_string())? {
        let value = variables.get_item(&key).map_err(|e| e.to_string())?;
        entries.push((key.to_string(), value));
    }
    Ok(Value::from(entries.into_iter().collect::<BTreeMap<_, _>>()))
}

fn now_value(now: &LocalTime) -> Value {
    Value::from(vec![
        i64::from(now.year),
        i64::from(now.month),
        i64::from(now.day),
        i64::from(now.hour),
        i64::from(now.minute),
        i64::from(now.second),
        i64::from(now.weekday),
        i64::from(now.yearday),
    ])
}

fn failure(error: &Error) -> Rendering {
    let mut cause: Option<&dyn std::error::Error> = Some(error);
    let mut innermost = error;
    while let Some(current) = cause {
        if let Some(inner) = current.downcast_ref::<Error>() {
            innermost = inner;
        }
        if current.is::<Raised>() {
            return Rendering {
                status: RenderStatus::Raised,
                text: innermost.detail().unwrap_or_default().to_owned(),
                line: line_of(innermost),
            };
        }
        cause = current.source();
    }
    let status = match innermost.kind() {
        ErrorKind::OutOfFuel => RenderStatus::Exhausted,
        _ => RenderStatus::Failed,
    };
    Rendering {
        status,
        text: describe(innermost),
        line: line_of(innermost),
    }
}

fn line_of(error: &Error) -> u32 {
    error
        .line()
        .and_then(|line| line.try_into().ok())
        .unwrap_or(0)
}

fn describe(error: &Error) -> String {
    match error.detail() {
        Some(detail) => format!("{}: {detail}", error.kind()),
        None => error.kind().to_string(),
    }
}
