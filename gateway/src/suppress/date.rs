//! Times as they stand in files and on the command line.

/// Nanoseconds since 1970 of `2027-01-31` or `2027-01-31T12:00:00Z` (RFC 3339, UTC
/// only; fractions of a second are dropped).
pub fn parse_time(text: &str) -> Option<u64> {
    let (date, clock) = match text.split_once('T') {
        Some((date, clock)) => (date, clock.strip_suffix('Z')?),
        None => (text, "00:00:00"),
    };
    let [year, month, day] = numbers(date, '-', [4, 2, 2])?;
    let clock = clock.split_once('.').map_or(clock, |(whole, _)| whole);
    let [hour, minute, second] = numbers(clock, ':', [2, 2, 2])?;
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        2 => 28 + u64::from(leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    let is_date = (1970..=2500).contains(&year) && (1..=12).contains(&month);
    if !is_date || !(1..=days).contains(&day) || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    // Howard Hinnant's `days_from_civil`, for years after 1970.
    let year = year - u64::from(month <= 2);
    let (era, of_era) = (year / 400, year % 400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let days = era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468;
    Some((((days * 24 + hour) * 60 + minute) * 60 + second) * 1_000_000_000)
}

fn numbers(text: &str, between: char, lengths: [usize; 3]) -> Option<[u64; 3]> {
    let mut parts = text.split(between);
    let mut out = [0; 3];
    for (slot, length) in out.iter_mut().zip(lengths) {
        let part = parts.next()?;
        if part.len() != length || !part.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        *slot = part.parse().ok()?;
    }
    parts.next().is_none().then_some(out)
}

/// Seconds of `90d`, `12h`, `30m`.
pub fn seconds_of(text: &str) -> Option<u64> {
    let unit = match text.chars().last()? {
        'd' => 86_400,
        'h' => 3_600,
        'm' => 60,
        _ => return None,
    };
    let number: u64 = text.get(..text.len() - 1)?.parse().ok()?;
    number.checked_mul(unit).filter(|seconds| *seconds > 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trail::show::time;

    #[test]
    fn times_are_those_that_records_show() {
        for text in [
            "1970-01-01T00:00:00.000Z",
            "2000-02-29T00:00:00.000Z",
            "2026-12-31T23:59:59.000Z",
            "2028-03-01T00:00:00.000Z",
        ] {
            assert_eq!(parse_time(text).map(time).as_deref(), Some(text));
        }
        assert_eq!(parse_time("2027-01-01"), parse_time("2027-01-01T00:00:00Z"));
        for text in [
            "",
            "2027-13-01",
            "2027-02-29",
            "2027-1-1",
            "2027-01-01T00:00:00",
            "2027-01-01T24:00:00Z",
            "2027-01-01T00:00:00+02:00",
            "1969-12-31",
            "2027-01-01-01",
            "٢٠٢٧-01-01",
        ] {
            assert_eq!(parse_time(text), None, "{text}");
        }
    }

    #[test]
    fn spans() {
        assert_eq!(seconds_of("90d"), Some(7_776_000));
        assert_eq!(seconds_of("12h"), Some(43_200));
        for text in ["", "d", "0d", "5", "-1d", "99999999999999999999d", "5€"] {
            assert_eq!(seconds_of(text), None, "{text}");
        }
    }
}
