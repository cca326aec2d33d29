//! Python's strftime in the C locale, for a given broken-down local time.
// SPDX-License-Identifier: Apache-2.0
use crate::ffi::LocalTime;
use std::fmt::Write;

const DAYS: [&str; 7] = [
    "Sunday",
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
];
const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// Unknown directives stay as they are written, as glibc leaves them.
pub fn strftime(format: &str, now: &LocalTime) -> String {
    let mut out = String::new();
    let mut rest = format.chars();
    while let Some(c) = rest.next() {
        if c != '%' {
            out.push(c);
            continue;
        }
        let mut directive = rest.next();
        let flag = directive.filter(|flag| "-_0^".contains(*flag));
        if flag.is_some() {
            directive = rest.next();
        }
        match directive {
            Some(d) => write_directive(&mut out, d, flag, now),
            None => out.push('%'),
        }
    }
    out
}

fn write_directive(out: &mut String, directive: char, flag: Option<char>, now: &LocalTime) {
    let hour12 = (now.hour + 11) % 12 + 1;
    let weekday = now.weekday % 7;
    let monday_first = (weekday + 6) % 7;
    match directive {
        'd' => number(out, now.day, 2, '0', flag),
        'e' => number(out, now.day, 2, ' ', flag),
        'm' => number(out, now.month, 2, '0', flag),
        'y' => number(out, now.year.rem_euclid(100) as u32, 2, '0', flag),
        'C' => number(out, now.year.div_euclid(100) as u32, 2, '0', flag),
        'H' => number(out, now.hour, 2, '0', flag),
        'k' => number(out, now.hour, 2, ' ', flag),
        'I' => number(out, hour12, 2, '0', flag),
        'l' => number(out, hour12, 2, ' ', flag),
        'M' => number(out, now.minute, 2, '0', flag),
        'S' => number(out, now.second, 2, '0', flag),
        'j' => number(out, now.yearday + 1, 3, '0', flag),
        'U' => number(out, (now.yearday + 7 - weekday) / 7, 2, '0', flag),
        'W' => number(out, (now.yearday + 7 - monday_first) / 7, 2, '0', flag),
        'w' => number(out, weekday, 1, '0', flag),
        'u' => number(out, monday_first + 1, 1, '0', flag),
        'f' => out.push_str("000000"),
        'Y' => _ = write!(out, "{}", now.year),
        'a' => name(out, &DAYS[weekday as usize][..3], flag),
        'A' => name(out, DAYS[weekday as usize], flag),
        'b' | 'h' => name(out, &month(now)[..3], flag),
        'B' => name(out, month(now), flag),
        'p' => name(out, if now.hour < 12 { "AM" } else { "PM" }, flag),
        'P' => out.push_str(if now.hour < 12 { "am" } else { "pm" }),
        'D' | 'x' => out.push_str(&strftime("%m/%d/%y", now)),
        'F' => out.push_str(&strftime("%Y-%m-%d", now)),
        'T' | 'X' => out.push_str(&strftime("%H:%M:%S", now)),
        'R' => out.push_str(&strftime("%H:%M", now)),
        'r' => out.push_str(&strftime("%I:%M:%S %p", now)),
        'c' => out.push_str(&strftime("%a %b %e %H:%M:%S %Y", now)),
        'n' => out.push('\n'),
        't' => out.push('\t'),
        '%' => out.push('%'),
        // The time carries no zone, as Python's datetime.now().
        'z' | 'Z' => {}
        other => {
            out.push('%');
            out.extend(flag);
            out.push(other);
        }
    }
}

fn month(now: &LocalTime) -> &'static str {
    MONTHS[(now.month.max(1) as usize - 1) % MONTHS.len()]
}

fn number(out: &mut String, value: u32, width: usize, pad: char, flag: Option<char>) {
    let pad = match flag {
        Some('-') => None,
        Some('_') => Some(' '),
        Some('0') => Some('0'),
        _ => Some(pad),
    };
    let digits = value.to_string();
    if let Some(pad) = pad {
        (digits.len()..width).for_each(|_| out.push(pad));
    }
    out.push_str(&digits);
}

fn name(out: &mut String, text: &str, flag: Option<char>) {
    if flag == Some('^') {
        out.push_str(&text.to_uppercase());
    } else {
        out.push_str(text);
    }
}
