//! Methods of Python's str, dict and list, as far as jinja2's sandbox lets a
//! template call them. What is not here is tried in `minijinja-contrib`.
// SPDX-License-Identifier: Apache-2.0
use crate::budget;
use crate::python::Lazy;
use minijinja::value::{from_args, Kwargs, Rest, Tuple, ValueKind};
use minijinja::{Error, ErrorKind, State, Value};
use minijinja_contrib::pycompat::unknown_method_callback;

pub fn call(
    state: &mut State,
    value: &Value,
    method: &str,
    args: &[Value],
) -> Result<Value, Error> {
    let found = match value.kind() {
        ValueKind::String => {
            let text = value.as_str().unwrap_or_default();
            budget::charge_bytes(text.len())?;
            if method == "format" {
                check_widths(text)?;
            }
            str_method(text, method, args)?
        }
        ValueKind::Map => dict_method(value, method, args)?,
        ValueKind::Seq | ValueKind::Iterable => list_method(value, method, args)?,
        _ => None,
    };
    match found {
        Some(value) => Ok(value),
        None => unknown_method_callback(state, value, method, args),
    }
}

fn invalid(detail: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidOperation, detail.into())
}

/// Whitespace as Python's str has it.
pub fn is_space(c: char) -> bool {
    c.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&c)
}

fn str_method(text: &str, method: &str, args: &[Value]) -> Result<Option<Value>, Error> {
    let value = match method {
        "strip" | "lstrip" | "rstrip" => strip(text, method, args)?,
        "split" | "rsplit" => split(text, method == "rsplit", args)?,
        "splitlines" => splitlines(text, args)?,
        "partition" => partition(text, false, args)?,
        "rpartition" => partition(text, true, args)?,
        "join" => join(text, args)?,
        "find" | "rfind" | "index" | "rindex" => find(text, method, args)?,
        "count" => {
            let (what, start, end) = range_args(args)?;
            let (_, text) = slice_chars(text, start, end);
            let count = match what {
                "" => text.chars().count() + 1,
                what => text.matches(what).count(),
            };
            Value::from(count)
        }
        "removeprefix" => {
            let (prefix,): (&str,) = from_args(args)?;
            Value::from(text.strip_prefix(prefix).unwrap_or(text))
        }
        "removesuffix" => {
            let (suffix,): (&str,) = from_args(args)?;
            Value::from(text.strip_suffix(suffix).unwrap_or(text))
        }
        "ljust" | "rjust" | "center" => justify(text, method, args)?,
        "zfill" => {
            let (width,): (usize,) = from_args(args)?;
            let (sign, digits) = match text.strip_prefix(['-', '+']) {
                Some(digits) => (&text[..1], digits),
                None => ("", text),
            };
            let missing = bounded(width)?.saturating_sub(text.chars().count());
            Value::from(format!("{sign}{}{digits}", "0".repeat(missing)))
        }
        "casefold" => Value::from(text.to_lowercase()),
        "title" => Value::from(title(text)),
        "swapcase" => Value::from(swapcase(text)),
        "isspace" => Value::from(!text.is_empty() && text.chars().all(is_space)),
        "isdecimal" | "isdigit" => {
            Value::from(!text.is_empty() && text.chars().all(|c| c.is_ascii_digit()))
        }
        _ => return Ok(None),
    };
    Ok(Some(value))
}

/// Padding is asked for by the template, which may be hostile.
fn bounded(width: usize) -> Result<usize, Error> {
    if width > 1 << 20 {
        return Err(invalid("a width above a million"));
    }
    Ok(width)
}

/// A format may ask for any width; digits enough for a million are refused, and
/// so is a width from an argument.
pub fn check_widths(format: &str) -> Result<(), Error> {
    let mut digits = 0;
    for c in format.chars() {
        digits = if c.is_ascii_digit() { digits + 1 } else { 0 };
        if digits > 6 {
            return Err(invalid("a width above a million"));
        }
    }
    let flags_then_star = |spec: &str| {
        spec.trim_start_matches(|c: char| c.is_ascii_digit() || "-+ #.".contains(c))
            .starts_with('*')
    };
    if format.split('%').skip(1).any(flags_then_star) {
        return Err(invalid("a width from an argument"));
    }
    Ok(())
}

fn strip(text: &str, method: &str, args: &[Value]) -> Result<Value, Error> {
    let (chars,): (Option<&str>,) = from_args(args)?;
    let strips = |c: char| match chars {
        Some(chars) => chars.contains(c),
        None => is_space(c),
    };
    Ok(Value::from(match method {
        "lstrip" => text.trim_start_matches(strips),
        "rstrip" => text.trim_end_matches(strips),
        _ => text.trim_matches(strips),
    }))
}

fn split(text: &str, from_right: bool, args: &[Value]) -> Result<Value, Error> {
    let (positional, kwargs): (Rest<Value>, Kwargs) = from_args(args)?;
    let argument = |index: usize, name: &str| match positional.get(index) {
        Some(value) => Ok(Some(value.clone())),
        None => kwargs.get::<Option<Value>>(name),
    };
    let separator = argument(0, "sep")?.filter(|value| !value.is_none());
    let limit = match argument(1, "maxsplit")? {
        Some(limit) => usize::try_from(i64::try_from(limit)?).ok(),
        None => None,
    };
    kwargs.assert_all_used()?;
    let pieces: Vec<&str> = match &separator {
        Some(separator) => {
            let separator = separator
                .as_str()
                .ok_or_else(|| invalid("the separator must be a string"))?;
            if separator.is_empty() {
                return Err(invalid("empty separator"));
            }
            match (limit, from_right) {
                (None, _) => text.split(separator).collect(),
                (Some(limit), false) => text.splitn(limit.saturating_add(1), separator).collect(),
                (Some(limit), true) => {
                    let pieces = text.rsplitn(limit.saturating_add(1), separator);
                    pieces.collect::<Vec<_>>().into_iter().rev().collect()
                }
            }
        }
        None => split_space(text, limit, from_right),
    };
    Ok(pieces.into_iter().map(Value::from).collect())
}

fn split_space(text: &str, limit: Option<usize>, from_right: bool) -> Vec<&str> {
    let limit = limit.unwrap_or(usize::MAX);
    let mut pieces = Vec::new();
    let mut rest = text.trim_matches(is_space);
    while !rest.is_empty() {
        let cut = if pieces.len() >= limit {
            None
        } else if from_right {
            rest.rfind(is_space)
        } else {
            rest.find(is_space)
        };
        let Some(at) = cut else {
            pieces.push(rest);
            break;
        };
        if from_right {
            let after = at + rest[at..].chars().next().map_or(1, char::len_utf8);
            pieces.push(&rest[after..]);
            rest = rest[..at].trim_end_matches(is_space);
        } else {
            pieces.push(&rest[..at]);
            rest = rest[at..].trim_start_matches(is_space);
        }
    }
    if from_right {
        pieces.reverse();
    }
    pieces
}

fn splitlines(text: &str, args: &[Value]) -> Result<Value, Error> {
    let (keep, kwargs): (Option<bool>, Kwargs) = from_args(args)?;
    let keep = match keep {
        Some(keep) => keep,
        None => kwargs.get::<Option<bool>>("keepends")?.unwrap_or(false),
    };
    kwargs.assert_all_used()?;
    let is_break = |c: char| matches!(c, '\n'..='\r' | '\u{1c}'..='\u{1e}' | '\u{85}' | '\u{2028}' | '\u{2029}');
    let mut lines = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find(is_break) {
        let mut end = at + rest[at..].chars().next().map_or(1, char::len_utf8);
        if rest[at..].starts_with("\r\n") {
            end = at + 2;
        }
        lines.push(&rest[..if keep { end } else { at }]);
        rest = &rest[end..];
    }
    if !rest.is_empty() {
        lines.push(rest);
    }
    Ok(lines.into_iter().map(Value::from).collect())
}

fn partition(text: &str, from_right: bool, args: &[Value]) -> Result<Value, Error> {
    let (separator,): (&str,) = from_args(args)?;
    if separator.is_empty() {
        return Err(invalid("empty separator"));
    }
    let parts = match (
        from_right,
        text.split_once(separator),
        text.rsplit_once(separator),
    ) {
        (false, Some((left, right)), _) | (true, _, Some((left, right))) => {
            [left, separator, right]
        }
        (false, ..) => [text, "", ""],
        (true, ..) => ["", "", text],
    };
    Ok(Value::from(Tuple::from(parts.map(Value::from))))
}

fn join(separator: &str, args: &[Value]) -> Result<Value, Error> {
    let (items,): (&Value,) = from_args(args)?;
    if items.is_none() {
        return Err(invalid("can only join an iterable"));
    }
    let mut out = String::new();
    for (index, item) in items.try_iter()?.enumerate() {
        let text = item.as_str().ok_or_else(|| {
            let kind = item.kind();
            invalid(format!("sequence item {index}: expected str, {kind} found"))
        })?;
        if index > 0 {
            out.push_str(separator);
        }
        out.push_str(text);
    }
    Ok(Value::from(out))
}

fn range_args(args: &[Value]) -> Result<(&str, Option<i64>, Option<i64>), Error> {
    from_args(args)
}

/// The characters from `start` to `end`, and the number of those before.
fn slice_chars(text: &str, start: Option<i64>, end: Option<i64>) -> (usize, &str) {
    let length = text.chars().count() as i64;
    let clamp = |at: i64| {
        if at < 0 {
            (at + length).max(0)
        } else {
            at.min(length)
        }
    };
    let start = clamp(start.unwrap_or(0));
    let end = clamp(end.unwrap_or(length)).max(start);
    let offset = |at: i64| {
        text.char_indices()
            .nth(at as usize)
            .map_or(text.len(), |x| x.0)
    };
    (start as usize, &text[offset(start)..offset(end)])
}

fn find(text: &str, method: &str, args: &[Value]) -> Result<Value, Error> {
    let (what, start, end) = range_args(args)?;
    let (before, part) = slice_chars(text, start, end);
    let found = if method.starts_with('r') {
        part.rfind(what)
    } else {
        part.find(what)
    };
    match found {
        Some(at) => Ok(Value::from(before + part[..at].chars().count())),
        None if method.ends_with("index") => Err(invalid("substring not found")),
        None => Ok(Value::from(-1)),
    }
}

pub fn justify(text: &str, method: &str, args: &[Value]) -> Result<Value, Error> {
    let (width, fill): (usize, Option<&str>) = from_args(args)?;
    let fill = fill.unwrap_or(" ");
    if fill.chars().count() != 1 {
        return Err(invalid("the fill must be one character"));
    }
    let width = bounded(width)?;
    let missing = width.saturating_sub(text.chars().count());
    let left = match method {
        "ljust" => 0,
        "rjust" => missing,
        // Python puts the odd one to the left if the width is odd.
        _ => missing / 2 + (missing & width & 1),
    };
    let right = missing - left;
    let text = [fill.repeat(left).as_str(), text, &fill.repeat(right)].concat();
    Ok(Value::from(text))
}

/// Every run of letters begins with a capital, unlike in jinja2's filter.
fn title(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut inside = false;
    for c in text.chars() {
        if inside {
            out.extend(c.to_lowercase());
        } else {
            out.extend(c.to_uppercase());
        }
        inside = c.is_alphabetic();
    }
    out
}

fn swapcase(text: &str) -> String {
    text.chars()
        .flat_map(|c| {
            let lower = c.is_uppercase();
            let upper = c.is_lowercase();
            let keep = (!lower && !upper).then_some(c);
            let to_lower = lower.then(|| c.to_lowercase()).into_iter().flatten();
            let to_upper = upper.then(|| c.to_uppercase()).into_iter().flatten();
            to_lower.chain(to_upper).chain(keep)
        })
        .collect()
}

fn dict_method(value: &Value, method: &str, args: &[Value]) -> Result<Option<Value>, Error> {
    let lazy = |name, items| Some(Value::from_object(Lazy::view(name, items)));
    Ok(match method {
        "keys" => {
            let () = from_args(args)?;
            lazy("dict_keys", value.try_iter()?.collect())
        }
        "values" => {
            let () = from_args(args)?;
            let values: Result<Vec<_>, _> =
                value.try_iter()?.map(|key| value.get_item(&key)).collect();
            lazy("dict_values", values?)
        }
        "items" => {
            let () = from_args(args)?;
            lazy("dict_items", pairs(value)?)
        }
        "copy" => {
            let () = from_args(args)?;
            Some(value.clone())
        }
        _ => None,
    })
}

/// The items of a mapping, as tuples.
pub fn pairs(value: &Value) -> Result<Vec<Value>, Error> {
    let pair = |key: Value| {
        let item = value.get_item(&key)?;
        Ok(Value::from(Tuple::from([key, item])))
    };
    budget::charge_items(value.len().unwrap_or(0))?;
    value.try_iter()?.map(pair).collect()
}

fn list_method(value: &Value, method: &str, args: &[Value]) -> Result<Option<Value>, Error> {
    budget::charge_items(value.len().unwrap_or(0))?;
    Ok(match method {
        "index" => {
            let (what,): (&Value,) = from_args(args)?;
            let at = value.try_iter()?.position(|item| item == *what);
            Some(Value::from(
                at.ok_or_else(|| invalid("value is not in list"))?,
            ))
        }
        "count" => {
            let (what,): (&Value,) = from_args(args)?;
            Some(Value::from(
                value.try_iter()?.filter(|item| item == what).count(),
            ))
        }
        "copy" => {
            let () = from_args(args)?;
            Some(value.clone())
        }
        _ => None,
    })
}
