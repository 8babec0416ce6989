//! The compiled kernel programs: embedded at build, or the file that
//! `PANWARD_EBPF_OBJ` names.

use std::borrow::Cow;

use super::RedirectError;

/// The loader reads ELF structures in place, so the bytes are aligned.
#[repr(C, align(16))]
struct Aligned<T: ?Sized>(T);

static EMBEDDED: &Aligned<[u8]> = &Aligned(*include_bytes!(
    "../../../gateway-ebpf/object/panward.bpf.o"
));

const OVERRIDE: &str = "PANWARD_EBPF_OBJ";

/// The bytes to load.
pub(super) fn bytes() -> Result<Cow<'static, [u8]>, RedirectError> {
    let Some(path) = std::env::var_os(OVERRIDE) else {
        return Ok(Cow::Borrowed(&EMBEDDED.0));
    };
    std::fs::read(&path)
        .map(Cow::Owned)
        .map_err(|error| RedirectError::Object(format!("{OVERRIDE}={}: {error}", path.display())))
}

/// Lower-case hex SHA-256 of the embedded object, as in its manifest.
pub fn object_sha256() -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &EMBEDDED.0);
    digest
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn embedded_object_is_the_one_in_the_manifest() {
        let manifest = include_str!("../../../gateway-ebpf/object/manifest.json");
        let manifest: serde_json::Value = serde_json::from_str(manifest).expect("manifest is json");
        assert_eq!(manifest["object_sha256"], super::object_sha256());
    }
}
