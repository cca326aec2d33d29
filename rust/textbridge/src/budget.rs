//! Limits of one rendering that minijinja itself has not.
// SPDX-License-Identifier: Apache-2.0
//!
//! How many items the filters and methods of this crate look at is one, how deep
//! values are nested the other.
//!
//! Comparing, printing and dropping a value are recursive in Rust, so a value
//! may only be nested as deep as a thread's stack allows. A template can nest
//! without end only by what it stores: in a loop in a namespace, or by as many
//! assignments as it is long.
use crate::python::{Lazy, MAX_DEPTH};
use minijinja::value::{Tuple, ValueKind};
use minijinja::{Error, ErrorKind, Value};
use std::cell::Cell;

/// Items that one rendering may look at. A loop that appends to a list of
/// thousands looks at some millions.
const ITEMS: usize = 10_000_000;
/// Bytes that cost as much as one item.
const BYTES_PER_ITEM: usize = 32;

thread_local! {
    static LEFT: Cell<usize> = const { Cell::new(0) };
}

/// Begins a rendering on this thread.
pub fn begin() {
    LEFT.set(ITEMS);
}

pub fn charge_items(items: usize) -> Result<(), Error> {
    match LEFT.get().checked_sub(items) {
        Some(left) => {
            LEFT.set(left);
            Ok(())
        }
        None => Err(Error::from(ErrorKind::OutOfFuel)),
    }
}

pub fn charge_bytes(bytes: usize) -> Result<(), Error> {
    charge_items(1 + bytes / BYTES_PER_ITEM)
}

/// `value` itself if it may be stored; slices and sums of lists as lists, for
/// they otherwise are chains of views.
pub fn check(value: Value, allows_namespace: bool) -> Result<Value, Error> {
    let is_view = value.kind() == ValueKind::Iterable
        && value.downcast_object_ref::<Lazy>().is_none()
        && value.downcast_object_ref::<Tuple>().is_none();
    let value = match is_view {
        true => value.try_iter()?.collect(),
        false => value,
    };
    visit(&value, allows_namespace, 0)?;
    Ok(value)
}

fn visit(value: &Value, allows_namespace: bool, depth: usize) -> Result<(), Error> {
    let Some(object) = value.as_object() else {
        return Ok(());
    };
    if depth > MAX_DEPTH {
        let detail = format!("a value nested deeper than {MAX_DEPTH} levels");
        return Err(Error::new(ErrorKind::InvalidOperation, detail));
    }
    if !allows_namespace && object.type_name().ends_with("::Namespace") {
        let detail = "a namespace cannot be stored in a namespace";
        return Err(Error::new(ErrorKind::InvalidOperation, detail));
    }
    let is_map = value.kind() == ValueKind::Map;
    if !is_map && !matches!(value.kind(), ValueKind::Seq | ValueKind::Iterable) {
        return Ok(());
    }
    for item in value.try_iter()? {
        charge_items(1)?;
        if is_map {
            visit(&value.get_item(&item)?, allows_namespace, depth + 1)?;
        }
        visit(&item, allows_namespace, depth + 1)?;
    }
    Ok(())
}
