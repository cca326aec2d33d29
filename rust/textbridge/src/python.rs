//! Values written as Python writes them.
// SPDX-License-Identifier: Apache-2.0
use crate::budget;
use minijinja::value::{Enumerator, Object, ObjectRepr, ValueKind};
use minijinja::{Error, ErrorKind, Value};
use std::fmt::Write;
use std::sync::Arc;

/// Deeper values are damage or an attack.
pub const MAX_DEPTH: usize = 200;

/// A generator or a view of a dict: what can be iterated over, but is no list.
#[derive(Debug)]
pub struct Lazy {
    kind: &'static str,
    items: Vec<Value>,
}

impl Lazy {
    /// The result of a filter such as `map`.
    pub fn generator(items: Vec<Value>) -> Self {
        let kind = "generator";
        Self { kind, items }
    }

    /// `kind`: as Python names it ("dict_keys").
    pub fn view(kind: &'static str, items: Vec<Value>) -> Self {
        Self { kind, items }
    }

    pub fn is_generator(&self) -> bool {
        self.kind == "generator"
    }
}

impl Object for Lazy {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Iterable
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Values(self.items.clone())
    }

    fn is_true(self: &Arc<Self>) -> bool {
        self.is_generator() || !self.items.is_empty()
    }
}

/// str(value).
pub fn to_str(value: &Value) -> Result<String, Error> {
    let mut out = String::new();
    match value.as_str() {
        Some(text) => out.push_str(text),
        None if value.is_undefined() => {}
        None => repr(&mut out, value, 0)?,
    }
    Ok(out)
}

fn repr(out: &mut String, value: &Value, depth: usize) -> Result<(), Error> {
    check_depth(depth)?;
    budget::charge_items(1)?;
    match value.kind() {
        ValueKind::String => repr_str(out, value.as_str().unwrap_or_default()),
        ValueKind::Number => out.push_str(&number(value)),
        ValueKind::Map if value.as_object().is_some() => {
            out.push('{');
            for (index, key) in value.try_iter()?.enumerate() {
                separate(out, index, ", ");
                repr(out, &key, depth + 1)?;
                out.push_str(": ");
                repr(out, &value.get_item(&key)?, depth + 1)?;
            }
            out.push('}');
        }
        ValueKind::Seq | ValueKind::Iterable => {
            let lazy = value.downcast_object_ref::<Lazy>();
            if let Some(lazy) = lazy {
                if lazy.is_generator() {
                    out.push_str("<generator object>");
                    return Ok(());
                }
                _ = write!(out, "{}(", lazy.kind);
            }
            let tuple = value.is_tuple();
            out.push(if tuple { '(' } else { '[' });
            let mut count = 0;
            for item in value.try_iter()? {
                separate(out, count, ", ");
                repr(out, &item, depth + 1)?;
                count += 1;
            }
            if tuple && count == 1 {
                out.push(',');
            }
            out.push(if tuple { ')' } else { ']' });
            if lazy.is_some() {
                out.push(')');
            }
        }
        ValueKind::Undefined => out.push_str("Undefined"),
        _ => _ = write!(out, "{value}"),
    }
    Ok(())
}

fn separate(out: &mut String, index: usize, separator: &str) {
    if index > 0 {
        out.push_str(separator);
    }
}

fn check_depth(depth: usize) -> Result<(), Error> {
    if depth <= MAX_DEPTH {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::InvalidOperation,
        format!("a value nested deeper than {MAX_DEPTH} levels"),
    ))
}

/// Python prefers single quotes, and double ones if that saves an escape.
fn repr_str(out: &mut String, text: &str) {
    let quote = if text.contains('\'') && !text.contains('"') {
        '"'
    } else {
        '\''
    };
    out.push(quote);
    for c in text.chars() {
        match c {
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\\' => out.push_str("\\\\"),
            c if c == quote => {
                out.push('\\');
                out.push(c);
            }
            c if !is_printable(c) => {
                _ = match c as u32 {
                    code @ 0..=0xff => write!(out, "\\x{code:02x}"),
                    code @ 0x100..=0xffff => write!(out, "\\u{code:04x}"),
                    code => write!(out, "\\U{code:08x}"),
                };
            }
            c => out.push(c),
        }
    }
    out.push(quote);
}

/// Python's str.isprintable for the characters that texts have: no controls, no
/// format characters, no spaces but the usual one, no private ones.
fn is_printable(c: char) -> bool {
    !matches!(c as u32,
        0..=0x1f | 0x7f..=0xa0 | 0xad | 0x600..=0x605 | 0x61c | 0x6dd | 0x70f | 0x1680
        | 0x180e | 0x2000..=0x200f | 0x2028..=0x202f | 0x205f..=0x206f | 0x3000
        | 0xe000..=0xf8ff | 0xfeff | 0xfff9..=0xfffb | 0xe0000..=0xe0fff | 0xf0000..=0x10ffff)
}

/// An integer as it is; a float with the digits that Python's repr prints.
pub fn number(value: &Value) -> String {
    if value.is_integer() {
        return value.to_string();
    }
    match f64::try_from(value.clone()) {
        Ok(number) => float(number),
        Err(_) => value.to_string(),
    }
}

fn float(number: f64) -> String {
    if number.is_nan() {
        return "nan".to_owned();
    }
    if number.is_infinite() {
        return if number > 0.0 { "inf" } else { "-inf" }.to_owned();
    }
    let magnitude = number.abs();
    if magnitude != 0.0 && !(1e-4..1e16).contains(&magnitude) {
        let text = format!("{number:e}");
        let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let (sign, exponent) = match exponent.strip_prefix('-') {
            Some(exponent) => ('-', exponent),
            None => ('+', exponent),
        };
        return format!("{digits}e{sign}{exponent:0>2}");
    }
    let text = number.to_string();
    if text.contains('.') {
        text
    } else {
        text + ".0"
    }
}

/// The arguments of json.dumps that transformers' tojson passes on.
pub struct JsonStyle {
    pub ensure_ascii: bool,
    pub sort_keys: bool,
    /// What one level is indented by; none: all on one line.
    pub indent: Option<String>,
    pub item_separator: String,
    pub key_separator: String,
}

/// json.dumps(value).
pub fn to_json(value: &Value, style: &JsonStyle) -> Result<String, Error> {
    let mut out = String::new();
    write_json(&mut out, value, style, 0)?;
    Ok(out)
}

fn write_json(
    out: &mut String,
    value: &Value,
    style: &JsonStyle,
    depth: usize,
) -> Result<(), Error> {
    check_depth(depth)?;
    budget::charge_items(1 + style.indent.as_ref().map_or(0, |_| depth))?;
    match value.kind() {
        ValueKind::None => out.push_str("null"),
        ValueKind::Bool => out.push_str(if value.is_true() { "true" } else { "false" }),
        ValueKind::Number => out.push_str(&json_number(value)),
        ValueKind::String => json_str(out, value.as_str().unwrap_or_default(), style),
        ValueKind::Seq | ValueKind::Iterable => {
            if let Some(lazy) = value.downcast_object_ref::<Lazy>() {
                return Err(not_serializable(lazy.kind));
            }
            let items = value.try_iter()?.map(|item| (None, item)).collect();
            write_json_items(out, items, ('[', ']'), style, depth)?;
        }
        ValueKind::Map if value.as_object().is_some() => {
            let mut items = Vec::new();
            for key in value.try_iter()? {
                let item = value.get_item(&key)?;
                items.push((Some(json_key(&key)?), item));
            }
            if style.sort_keys {
                items.sort_by(|a, b| a.0.cmp(&b.0));
            }
            write_json_items(out, items, ('{', '}'), style, depth)?;
        }
        kind => return Err(not_serializable(kind)),
    }
    Ok(())
}

fn not_serializable(kind: impl std::fmt::Display) -> Error {
    let detail = format!("a value of type {kind} is not JSON serializable");
    Error::new(ErrorKind::BadSerialization, detail)
}

fn write_json_items(
    out: &mut String,
    items: Vec<(Option<String>, Value)>,
    brackets: (char, char),
    style: &JsonStyle,
    depth: usize,
) -> Result<(), Error> {
    out.push(brackets.0);
    let count = items.len();
    for (index, (key, item)) in items.into_iter().enumerate() {
        separate(out, index, &style.item_separator);
        new_line(out, style, depth + 1);
        if let Some(key) = key {
            json_str(out, &key, style);
            out.push_str(&style.key_separator);
        }
        write_json(out, &item, style, depth + 1)?;
    }
    if count > 0 {
        new_line(out, style, depth);
    }
    out.push(brackets.1);
    Ok(())
}

fn new_line(out: &mut String, style: &JsonStyle, depth: usize) {
    if let Some(indent) = &style.indent {
        out.push('\n');
        (0..depth).for_each(|_| out.push_str(indent));
    }
}

fn json_key(key: &Value) -> Result<String, Error> {
    match key.kind() {
        ValueKind::String => Ok(key.as_str().unwrap_or_default().to_owned()),
        ValueKind::None => Ok("null".to_owned()),
        ValueKind::Bool => Ok(if key.is_true() { "true" } else { "false" }.to_owned()),
        ValueKind::Number => Ok(json_number(key)),
        kind => Err(not_serializable(kind)),
    }
}

fn json_number(value: &Value) -> String {
    match number(value).as_str() {
        "nan" => "NaN".to_owned(),
        "inf" => "Infinity".to_owned(),
        "-inf" => "-Infinity".to_owned(),
        text => text.to_owned(),
    }
}

fn json_str(out: &mut String, text: &str, style: &JsonStyle) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            c if (c as u32) < 0x20 || (style.ensure_ascii && !c.is_ascii()) => {
                let mut units = [0; 2];
                for unit in c.encode_utf16(&mut units) {
                    _ = write!(out, "\\u{unit:04x}");
                }
            }
            c => out.push(c),
        }
    }
    out.push('"');
}
