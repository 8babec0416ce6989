//! The compiled kernel programs, embedded at build. Debug builds, and no others,
//! load the file that `PANWARD_EBPF_OBJ` names instead: that is how the kernel
//! suite runs on an object of another toolchain.

use std::borrow::Cow;

use super::RedirectError;

/// The loader reads ELF structures in place, so the bytes are aligned.
#[repr(C, align(16))]
struct Aligned<T: ?Sized>(T);

static EMBEDDED: &Aligned<[u8]> = &Aligned(*include_bytes!(
    "../../../gateway-ebpf/object/panward.bpf.o"
));

/// The bytes to load.
#[cfg(not(debug_assertions))]
pub(super) fn bytes() -> Result<Cow<'static, [u8]>, RedirectError> {
    Ok(Cow::Borrowed(&EMBEDDED.0))
}

/// The bytes to load.
#[cfg(debug_assertions)]
pub(super) fn bytes() -> Result<Cow<'static, [u8]>, RedirectError> {
    const OVERRIDE: &str = "PANWARD_EBPF_OBJ";
    let Some(path) = std::env::var_os(OVERRIDE) else {
        return Ok(Cow::Borrowed(&EMBEDDED.0));
    };
    std::fs::read(&path)
        .map(Cow::Owned)
        .map_err(|error| RedirectError::Object(format!("{OVERRIDE}={}: {error}", path.display())))
}

/// Lower-case hex SHA-256 of the object that is loaded; empty if it cannot be read.
pub fn object_sha256() -> String {
    let Ok(bytes) = bytes() else {
        return String::new();
    };
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &bytes);
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
