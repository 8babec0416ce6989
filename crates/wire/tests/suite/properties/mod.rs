//! Properties that hold for every input. The fuzz targets run them too; here
//! they run on the committed corpora and on generated input.

pub(crate) mod http1;
pub(crate) mod jsonrpc;
pub(crate) mod sse;
