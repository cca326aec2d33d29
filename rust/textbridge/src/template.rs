//! Chat templates, in the environment that transformers gives to jinja2.
// SPDX-License-Identifier: Apache-2.0
use crate::ffi::{LocalTime, RenderStatus, Rendering};
use crate::guard::guarded;
use crate::python::{to_json, to_str, JsonStyle};
use crate::strftime::strftime;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Kwargs, Rest, ValueKind};
use minijinja::{Environment, Error, ErrorKind, State, UndefinedBehavior, Value};
use std::fmt;
use std::str::from_utf8;

const NAME: &str = "chat template";
/// Work that one rendering may do; a chat of a million characters needs a
/// hundredth of it.
const FUEL: u64 = 50_000_000;
/// Nested calls; far below what a thread's stack holds.
const RECURSION_LIMIT: usize = 200;
/// Where the date that strftime_now sees travels.
const NOW: &str = "__now";

pub struct Template {
    environment: Environment<'static>,
}

/// Marks an error that the template itself asked for.
#[derive(Debug)]
struct Raised;

impl fmt::Display for Raised {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("raised by the template")
    }
}

impl std::error::Error for Raised {}

impl Template {
    pub fn compile(source: &[u8]) -> Result<Self, String> {
        let source = from_utf8(source).map_err(|e| e.to_string())?;
        let mut environment = new_environment();
        environment
            .add_template_owned(NAME, source.to_owned())
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
        let outcome = guarded(|| Ok(self.try_render(messages, tools, variables, now)));
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
    Ok(entries.into_iter().collect())
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

fn new_environment() -> Environment<'static> {
    let mut environment = Environment::new();
    let syntax = SyntaxConfig::builder()
        .trim_blocks(true)
        .lstrip_blocks(true)
        .build();
    environment.set_syntax(syntax.expect("constant syntax"));
    environment.set_undefined_behavior(UndefinedBehavior::Lenient);
    environment.set_fuel(Some(FUEL));
    environment.set_recursion_limit(RECURSION_LIMIT);
    environment.set_debug(true);
    environment.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
    environment.set_unknown_method_callback(minijinja_contrib::pycompat::unknown_method_callback);
    environment.set_formatter(|out, _, value| out.write_str(&to_str(value)?).map_err(Error::from));
    environment.add_function("raise_exception", raise_exception);
    environment.add_function("strftime_now", strftime_now);
    environment.add_filter("tojson", tojson);
    environment.add_filter("string", |value: &Value| to_str(value));
    environment
}

fn raise_exception(message: Value) -> Result<Value, Error> {
    let message = to_str(&message)?;
    Err(Error::new(ErrorKind::InvalidOperation, message).with_source(Raised))
}

fn strftime_now(state: &State, format: &str) -> Result<String, Error> {
    let fields: Vec<i64> = match state.lookup(NOW) {
        Some(now) => now
            .try_iter()?
            .filter_map(|v| i64::try_from(v).ok())
            .collect(),
        None => Vec::new(),
    };
    let field = |index: usize| fields.get(index).copied().unwrap_or(0) as u32;
    let now = LocalTime {
        year: field(0) as i32,
        month: field(1),
        day: field(2),
        hour: field(3),
        minute: field(4),
        second: field(5),
        weekday: field(6),
        yearday: field(7),
    };
    Ok(strftime(format, &now))
}

fn tojson(value: &Value, args: Rest<Value>, kwargs: Kwargs) -> Result<Value, Error> {
    let argument = |index: usize, name: &str| -> Result<Option<Value>, Error> {
        let value = match args.get(index) {
            Some(value) => Some(value.clone()),
            None => kwargs.get::<Option<Value>>(name)?,
        };
        Ok(value.filter(|value| !value.is_none() && !value.is_undefined()))
    };
    let flag = |value: Option<Value>| value.is_some_and(|value| value.is_true());
    let ensure_ascii = flag(argument(0, "ensure_ascii")?);
    let indent = match argument(1, "indent")? {
        Some(indent) if indent.kind() == ValueKind::String => Some(to_str(&indent)?),
        Some(indent) => Some(" ".repeat(usize::try_from(indent)?.min(64))),
        None => None,
    };
    let (mut item_separator, mut key_separator) = match indent {
        Some(_) => (",".to_owned(), ": ".to_owned()),
        None => (", ".to_owned(), ": ".to_owned()),
    };
    if let Some(separators) = argument(2, "separators")? {
        item_separator = to_str(&separators.get_item_by_index(0)?)?;
        key_separator = to_str(&separators.get_item_by_index(1)?)?;
    }
    let style = JsonStyle {
        ensure_ascii,
        sort_keys: flag(argument(3, "sort_keys")?),
        indent,
        item_separator,
        key_separator,
    };
    kwargs.assert_all_used()?;
    Ok(Value::from(to_json(value, &style)?))
}
