//! What is not one token and no card layout: a code, an array or object of digits, a
//! number with a point or an exponent.

use crate::boundary::{self, Answer};
use crate::finding::Layer;
use crate::grade::{confidence, needs_word};
use crate::iin::{Brand, Table};
use crate::mask::Form;
use crate::sad::{self, Sad};
use crate::scalar::{Match, Step, View, found, valid};
use crate::{array, luhn, number};

/// What is not one token and no card layout: a code, an array or object of digits, a
/// number with a point or an exponent.
pub(crate) fn examine(
    table: &Table,
    view: &View<'_>,
    start: usize,
    in_string: &mut dyn FnMut(usize) -> bool,
) -> Option<Step> {
    let rest = view.buf.get(start..).unwrap_or(&[]);
    let len = rest
        .iter()
        .take(20)
        .take_while(|b| b.is_ascii_digit())
        .count();
    if len <= 6 {
        match sad::examine(view, start, in_string) {
            Sad::No => {}
            Sad::More => return Some(Step::More),
            Sad::Yes(code) => return Some(Step::Found(code_found(view, start, &code))),
        }
    }
    if len <= 8 {
        match array::examine(view, start) {
            array::Found::No => {}
            array::Found::More => return Some(Step::More),
            array::Found::Yes(content) => {
                if let Some(found) = array_found(table, view, start, &content) {
                    return Some(Step::Found(found));
                }
            }
        }
    }
    let point = matches!(rest.get(len), Some(b'.' | b'e' | b'E'));
    if len > 0 && point {
        match number::read(view, start) {
            number::Read::No => {}
            number::Read::More => return Some(Step::More),
            number::Read::Yes(number) => {
                return number_found(table, view, start, &number, in_string);
            }
        }
    }
    None
}

fn code_found(view: &View<'_>, start: usize, code: &sad::Code) -> Match {
    let mut found = found(view, start, code.end, &[], Brand::Unknown);
    found.kind = code.kind;
    found.form = if code.number {
        Form::Zeros
    } else {
        Form::Whole
    };
    found
}

fn array_found(
    table: &Table,
    view: &View<'_>,
    start: usize,
    content: &array::Content,
) -> Option<Match> {
    let digits = content.digits.get(..content.len)?;
    let issued = valid(table, digits)?;
    let mut found = found(view, start, content.end, digits, issued.brand);
    let numbers = content.places.quoted == 0;
    if numbers && !issued.major {
        return None; // small integers
    }
    if numbers && !luhn::passes(digits) || content.numbers && !found.card_word {
        return None;
    }
    found.form = Form::Elements(content.places);
    found.via = found.via.under(Layer::Array);
    Some(found)
}

/// A JSON number, or one behind a key of JSON in text, with the value of a card number.
fn number_found(
    table: &Table,
    view: &View<'_>,
    start: usize,
    number: &number::Number,
    in_string: &mut dyn FnMut(usize) -> bool,
) -> Option<Step> {
    let digits = number.digits.get(..number.len)?;
    let issued = valid(table, digits)?;
    let value = !in_string(start)
        || match boundary::is_json_value(view, start, number.end) {
            Answer::Yes => true,
            Answer::No => false,
            Answer::More => return Some(Step::More),
        };
    if !value || !luhn::passes(digits) {
        return None;
    }
    let mut found = found(view, number.start, number.last, digits, issued.brand);
    found.form = Form::Number;
    if needs_word(issued, digits.len()) && !found.card_word {
        return None;
    }
    found.confidence = confidence(view, start, issued, digits.len());
    Some(Step::Found(found))
}
