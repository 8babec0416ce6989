//! Configuration: text -> [`RawConfig`] (serde) -> [`Config`] (parsed types).
//!
//! Read once at start and again at reload. Every problem is reported with its
//! file and key, and all of them together, so that one edit mends the file.
//! `docs/CONFIG.md` and `docs/config.schema.json` are generated from the types.

mod cover;
mod issuer;
mod limits;
mod problem;
mod raw;
mod reference;
mod server;
mod validated;

#[cfg(test)]
mod tests;

pub use limits::Limits;
pub use problem::{ConfigError, Problem};
pub use raw::{
    AuditMode, ClientAuth, EventTail, Evidence, FailMode, Images, MaskForm, Mode, RawAdmin,
    RawAudit, RawAuthorization, RawConfig, RawCredential, RawDev, RawOidc, RawPolicy, RawRedirect,
    RawScan, RawServer, RawTls, RawUpstreamTls, RecordBodies, ScanMode, SubjectKind,
};
pub use reference::{reference_page, schema_json};
pub use validated::{
    Admin, Audit, Authorization, ClientCertificates, Config, Credential, Dev, Explicit, Issuer,
    KeysFrom, Netns, Redirect, Scan, Server, ServerTls, UpstreamTls,
};
