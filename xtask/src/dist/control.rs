//! The control file of the package, from `packaging/deb/control.in`.

use anyhow::ensure;

use super::glibc;

/// What the template does not know.
#[derive(Debug)]
pub(super) struct Facts<'a> {
    pub(super) version: &'a str,
    pub(super) architecture: &'a str,
    pub(super) size_kib: u64,
    pub(super) glibc: glibc::Version,
}

/// Fills the template; a mark that is not known, or that is missing, is an error.
pub(super) fn fill(template: &str, facts: &Facts<'_>) -> anyhow::Result<String> {
    let glibc = format!("{}.{}", facts.glibc.0, facts.glibc.1);
    let marks = [
        ("@VERSION@", facts.version.to_owned()),
        ("@ARCHITECTURE@", facts.architecture.to_owned()),
        ("@SIZE_KIB@", facts.size_kib.to_string()),
        ("@GLIBC@", glibc),
    ];
    let mut text = template.to_owned();
    for (mark, value) in marks {
        ensure!(text.contains(mark), "control.in: no {mark}");
        ensure!(
            !value.is_empty() && !value.contains(['\n', '@']),
            "{mark}: bad value {value:?}"
        );
        text = text.replace(mark, &value);
    }
    ensure!(!text.contains('@'), "control.in: a mark that is not known");
    ensure!(
        text.ends_with('\n') && !text.contains("\n\n"),
        "control.in: must be one paragraph that ends with a line feed"
    );
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FACTS: Facts<'_> = Facts {
        version: "0.1.0",
        architecture: "amd64",
        size_kib: 4711,
        glibc: (2, 34),
    };

    #[test]
    fn the_committed_template_gives_a_whole_paragraph() {
        let template = include_str!("../../../packaging/deb/control.in");
        let text = fill(template, &FACTS).expect("fills");
        for line in [
            "Package: panward",
            "Version: 0.1.0",
            "Architecture: amd64",
            "Installed-Size: 4711",
            "Depends: libc6 (>= 2.34), libgcc-s1",
        ] {
            assert!(text.lines().any(|l| l == line), "{line}: {text}");
        }
        // A continuation line begins with a space, every other one is a field.
        let fields = text.lines().filter(|line| !line.starts_with(' '));
        assert!(fields.clone().count() > 8);
        assert!(fields.clone().all(|line| line.contains(": ")), "{text}");
    }

    #[test]
    fn marks_that_are_missing_unknown_or_empty_are_errors() {
        let all = "V: @VERSION@\nA: @ARCHITECTURE@\nS: @SIZE_KIB@\nG: @GLIBC@\n";
        assert!(fill(all, &FACTS).is_ok());
        assert!(fill(&all.replace("@GLIBC@", "2"), &FACTS).is_err());
        assert!(fill(&format!("{all}X: @OTHER@\n"), &FACTS).is_err());
        assert!(fill(&format!("{all}\nX: 1\n"), &FACTS).is_err());
        for version in ["", "1\nX: 1", "@GLIBC@"] {
            let facts = Facts { version, ..FACTS };
            assert!(fill(all, &facts).is_err(), "{version:?}");
        }
    }
}
