//! Which glibc a program asks for, from `objdump -T`.

/// Major and minor number.
pub(super) type Version = (u32, u32);

/// The highest `GLIBC_x.y` in a listing of dynamic symbols.
pub(super) fn highest(symbols: &str) -> Option<Version> {
    symbols
        .split(|c: char| !(c.is_ascii_alphanumeric() || "._".contains(c)))
        .filter_map(|word| {
            let mut numbers = word.strip_prefix("GLIBC_")?.split('.');
            let major = numbers.next()?.parse().ok()?;
            let minor = numbers.next()?.parse().ok()?;
            Some((major, minor))
        })
        .max()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_version_is_found_by_number_not_by_text() {
        let listing = "\
0000000000000000      DF *UND*  0000000000000000 (GLIBC_2.2.5) free
0000000000000000      DF *UND*  0000000000000000 (GLIBC_2.34) dlsym
0000000000000000      DF *UND*  0000000000000000  GLIBC_2.4   other
0000000000000000  w   D  *UND*  0000000000000000  Base        __gmon_start__
0000000000000000      DF *UND*  0000000000000000 (GCC_3.3)    _Unwind_Resume
";
        assert_eq!(highest(listing), Some((2, 34)));
        assert_eq!(highest("(GLIBC_PRIVATE) x (GCC_3.3) y"), None);
    }
}
