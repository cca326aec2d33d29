//! The environment that transformers gives to jinja2, for minijinja.
// SPDX-License-Identifier: Apache-2.0
use crate::budget;
use crate::dialect::{
    ITERABLE_FILTER, PERCENT_FILTER, PRINTED_FILTER, SHALLOW_ATTRIBUTE_FILTER, SHALLOW_FILTER,
};
use crate::ffi::LocalTime;
use crate::methods;
use crate::python::{to_json, to_str, JsonStyle, Lazy};
use crate::strftime::strftime;
use minijinja::formatting::{self, FormatStyle};
use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Kwargs, Rest, Tuple, ValueKind};
use minijinja::{
    filters, AutoEscape, Environment, Error, ErrorKind, State, UndefinedBehavior, Value,
};
use std::fmt;

/// Instructions that one rendering may run, 64 bytes written counting as one: a
/// chat of ten thousand messages needs a fifth of it.
const FUEL: u64 = 10_000_000;
/// Nested calls.
const RECURSION_LIMIT: usize = 200;
/// Where the date that strftime_now sees travels.
pub const NOW: &str = "__now";

/// Marks an error that the template itself asked for.
#[derive(Debug)]
pub struct Raised;

impl fmt::Display for Raised {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("raised by the template")
    }
}

impl std::error::Error for Raised {}

pub fn new_environment() -> Environment<'static> {
    let mut environment = Environment::new();
    minijinja_contrib::add_to_environment(&mut environment);
    let syntax = SyntaxConfig::builder()
        .trim_blocks(true)
        .lstrip_blocks(true)
        .build();
    environment.set_syntax(syntax.expect("constant syntax"));
    environment.set_undefined_behavior(UndefinedBehavior::Lenient);
    environment.set_fuel(Some(FUEL));
    environment.set_recursion_limit(RECURSION_LIMIT);
    environment.set_debug(true);
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    environment.set_unknown_method_callback(methods::call);
    environment.set_formatter(|out, state, value| {
        let text = to_str(value)?;
        let escapes = !matches!(state.auto_escape(), AutoEscape::None) && !value.is_safe();
        let text = if escapes { escape(&text) } else { text };
        out.write_str(&text).map_err(Error::from)
    });
    environment.remove_global("debug");
    environment.add_function("raise_exception", raise_exception);
    environment.add_function("strftime_now", strftime_now);
    add_tests(&mut environment);
    add_filters(&mut environment);
    environment
}

fn add_tests(environment: &mut Environment) {
    environment.add_test("iterable", |value: &Value| {
        !value.is_none() && value.try_iter().is_ok()
    });
    environment.add_test("callable", |value: &Value| value.kind() == ValueKind::Plain);
    environment.add_test("sequence", |value: &Value| {
        value.is_undefined()
            || matches!(
                value.kind(),
                ValueKind::String | ValueKind::Map | ValueKind::Seq
            )
            || (value.kind() == ValueKind::Iterable
                && value.downcast_object_ref::<Lazy>().is_none())
    });
}

/// Registers jinja2's filters whose minijinja twin takes None for an empty
/// sequence, or gives a list where jinja2 gives a generator.
macro_rules! wrap_filters {
    ($environment:expr, $check:expr, $wrap:expr, $($name:ident)+) => {$(
        let inner = concat!("__", stringify!($name));
        $environment.add_filter(inner, filters::$name);
        $environment.add_filter(stringify!($name), move |state: &mut State, args: Rest<Value>, kwargs: Kwargs| {
            let check: fn(Option<&Value>) -> Result<(), Error> = $check;
            check(args.first())?;
            let wrap: fn(Value) -> Result<Value, Error> = $wrap;
            let mut all = args.to_vec();
            if kwargs.args().next().is_some() {
                all.push(Value::from(kwargs));
            }
            wrap(state.apply_filter(inner, &all)?)
        });
    )+};
}

fn add_filters(environment: &mut Environment) {
    wrap_filters!(environment, check_not_none, Ok,
        list join first last sort sum min max reverse dictsort groupby);
    wrap_filters!(environment, check_not_none, to_generator, unique batch slice);
    // jinja2 looks at whether there is anything before it iterates.
    wrap_filters!(environment, |_| Ok(()), to_generator,
        map select reject selectattr rejectattr);
    environment.add_filter("length", length);
    environment.add_filter("count", length);
    environment.add_filter("items", |value: &Value| {
        if value.is_undefined() {
            return to_generator(Value::from(Vec::<Value>::new()));
        }
        if value.kind() != ValueKind::Map {
            return Err(invalid("can only get item pairs from a mapping"));
        }
        Ok(Value::from_object(Lazy::generator(methods::pairs(value)?)))
    });
    environment.add_filter("tojson", tojson);
    environment.add_filter("int", to_int);
    environment.add_filter("float", |value: &Value, default: Option<Value>| {
        let number = to_str(value)?.trim().parse::<f64>();
        Ok::<_, Error>(match (f64::try_from(value.clone()), number) {
            (Ok(number), _) | (_, Ok(number)) => Value::from(number),
            _ => default.unwrap_or_else(|| Value::from(0.0)),
        })
    });
    environment.add_filter("center", |value: &Value, width: Option<usize>| {
        let width = Value::from(width.unwrap_or(80));
        methods::justify(&to_str(value)?, "center", &[width])
    });
    environment.add_filter("wordcount", |value: &Value| {
        let text = to_str(value)?;
        let words = text.split(|c: char| !c.is_alphanumeric() && c != '_');
        Ok::<_, Error>(words.filter(|word| !word.is_empty()).count())
    });
    environment.add_filter(
        "format",
        |format: &str, args: Rest<Value>, kwargs: Kwargs| {
            methods::check_widths(format)?;
            let mut all = args.to_vec();
            if kwargs.args().next().is_some() {
                all.push(Value::from(kwargs));
            }
            formatting::format(FormatStyle::Printf, format, &all)
        },
    );
    environment.add_filter("forceescape", |value: &Value| {
        Ok::<_, Error>(Value::from_safe_string(escape(&to_str(value)?)))
    });
    environment.add_filter(PERCENT_FILTER, |format: &str, operand: Value| {
        let args = match operand.downcast_object_ref::<Tuple>() {
            Some(tuple) => tuple.to_vec(),
            None => vec![operand],
        };
        methods::check_widths(format)?;
        formatting::format(FormatStyle::Printf, format, &args)
    });
    environment.add_filter("string", |value: &Value| to_str(value));
    environment.add_filter("trim", |value: &Value, chars: Option<&str>| {
        let text = to_str(value)?;
        let strips = |c: char| match chars {
            Some(chars) => chars.contains(c),
            None => methods::is_space(c),
        };
        Ok::<_, Error>(text.trim_matches(strips).to_owned())
    });
    for name in ["escape", "e"] {
        environment.add_filter(name, |value: &Value| {
            let text = to_str(value)?;
            let text = if value.is_safe() { text } else { escape(&text) };
            Ok::<_, Error>(Value::from_safe_string(text))
        });
    }
    environment.add_filter(PRINTED_FILTER, |value: &Value| {
        to_str(value).map(Value::from_safe_string)
    });
    environment.add_filter(SHALLOW_FILTER, |value: Value| budget::check(value, true));
    environment.add_filter(SHALLOW_ATTRIBUTE_FILTER, |value: Value| {
        budget::check(value, false)
    });
    environment.add_filter(ITERABLE_FILTER, |value: Value| {
        check_not_none(Some(&value))?;
        Ok::<_, Error>(value)
    });
}

/// As Python's markupsafe does.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\'' => out.push_str("&#39;"),
            '"' => out.push_str("&#34;"),
            c => out.push(c),
        }
    }
    out
}

fn invalid(detail: &str) -> Error {
    Error::new(ErrorKind::InvalidOperation, detail.to_owned())
}

fn check_not_none(value: Option<&Value>) -> Result<(), Error> {
    match value {
        Some(value) if value.is_none() => Err(invalid("None is not iterable")),
        _ => Ok(()),
    }
}

fn to_generator(value: Value) -> Result<Value, Error> {
    Ok(Value::from_object(Lazy::generator(
        value.try_iter()?.collect(),
    )))
}

/// jinja2's `int`: what is no number becomes the default.
fn to_int(value: &Value, args: Rest<Value>, kwargs: Kwargs) -> Result<Value, Error> {
    let argument = |index: usize, name: &str| match args.get(index) {
        Some(value) => Ok(Some(value.clone())),
        None => kwargs.get::<Option<Value>>(name),
    };
    let default = argument(0, "default")?.unwrap_or_else(|| Value::from(0));
    let base = match argument(1, "base")? {
        Some(base) => u32::try_from(base)?,
        None => 10,
    };
    kwargs.assert_all_used()?;
    if value.is_integer() {
        return Ok(value.clone());
    }
    if value.kind() == ValueKind::Bool {
        return Ok(Value::from(i32::from(value.is_true())));
    }
    let text = to_str(value)?.trim().replace('_', "");
    let digits = match base {
        16 => text.trim_start_matches("0x").trim_start_matches("0X"),
        8 => text.trim_start_matches("0o"),
        2 => text.trim_start_matches("0b"),
        _ => text.as_str(),
    };
    if value.kind() == ValueKind::String && (2..=36).contains(&base) {
        if let Ok(number) = i128::from_str_radix(digits, base) {
            return Ok(Value::from(number));
        }
    }
    let number = match f64::try_from(value.clone()) {
        Ok(number) => Some(number),
        Err(_) => text.parse().ok(),
    };
    Ok(match number.filter(|number| number.is_finite()) {
        Some(number) => Value::from(number.trunc() as i128),
        None => default,
    })
}

fn length(value: &Value) -> Result<usize, Error> {
    let lazy = value.downcast_object_ref::<Lazy>();
    if lazy.is_some_and(Lazy::is_generator) {
        return Err(invalid("a generator has no length"));
    }
    if value.is_undefined() {
        return Ok(0);
    }
    filters::length(value)
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
