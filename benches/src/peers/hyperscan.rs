//! Hyperscan (or Vectorscan, which has the same interface), opened at run time.
//!
//! Block mode, one pattern a database, every match reported: `hs_compile_multi` and
//! the like would only add to it.

use std::ffi::{CStr, c_char, c_int, c_uint, c_ulonglong, c_void};
use std::ptr;
use std::rc::Rc;

use super::{Engine, Role};
use crate::corpus::Text;

const SONAME: &CStr = c"libhs.so.5";
const MODE_BLOCK: c_uint = 1;

/// `hs_compile_error_t`.
#[repr(C)]
struct CompileError {
    message: *const c_char,
    expression: c_int,
}

type OnMatch = unsafe extern "C" fn(c_uint, c_ulonglong, c_ulonglong, c_uint, *mut c_void) -> c_int;
type Compile = unsafe extern "C" fn(
    *const c_char,
    c_uint,
    c_uint,
    *const c_void,
    *mut *mut c_void,
    *mut *mut CompileError,
) -> c_int;
type AllocScratch = unsafe extern "C" fn(*const c_void, *mut *mut c_void) -> c_int;
type Scan = unsafe extern "C" fn(
    *const c_void,
    *const c_char,
    c_uint,
    c_uint,
    *mut c_void,
    OnMatch,
    *mut c_void,
) -> c_int;
type Free = unsafe extern "C" fn(*mut c_void) -> c_int;
type Version = unsafe extern "C" fn() -> *const c_char;

/// The functions that are used. Never closed.
pub(super) struct Library {
    compile: Compile,
    alloc_scratch: AllocScratch,
    scan: Scan,
    free_database: Free,
    free_scratch: Free,
    version: String,
}

impl Library {
    pub(super) fn open() -> Result<Rc<Library>, String> {
        // SAFETY: a null-terminated name; what the library does when it is loaded is
        // to look at the processor.
        let handle = unsafe { libc::dlopen(SONAME.as_ptr(), libc::RTLD_NOW) };
        if handle.is_null() {
            return Err("Hyperscan is not installed: apt-get install libhyperscan-dev".to_owned());
        }
        let symbol = |name: &CStr| {
            // SAFETY: a handle of dlopen and a null-terminated name.
            let symbol = unsafe { libc::dlsym(handle, name.as_ptr()) };
            match symbol.is_null() {
                true => Err(format!("{SONAME:?} has no {name:?}")),
                false => Ok(symbol),
            }
        };
        // SAFETY: functions of these names in version 5 have these signatures
        // (hs_compile.h, hs_runtime.h, hs_common.h).
        let library = unsafe {
            let version: Version = std::mem::transmute(symbol(c"hs_version")?);
            Library {
                compile: std::mem::transmute::<*mut c_void, Compile>(symbol(c"hs_compile")?),
                alloc_scratch: std::mem::transmute::<*mut c_void, AllocScratch>(symbol(
                    c"hs_alloc_scratch",
                )?),
                scan: std::mem::transmute::<*mut c_void, Scan>(symbol(c"hs_scan")?),
                free_database: std::mem::transmute::<*mut c_void, Free>(symbol(
                    c"hs_free_database",
                )?),
                free_scratch: std::mem::transmute::<*mut c_void, Free>(symbol(c"hs_free_scratch")?),
                version: CStr::from_ptr(version()).to_string_lossy().into_owned(),
            }
        };
        Ok(Rc::new(library))
    }

    /// Such as `5.4.0 2021-01-26`.
    pub(super) fn version(&self) -> &str {
        &self.version
    }
}

/// A pattern, compiled for this processor.
pub(super) struct Hyperscan {
    name: &'static str,
    library: Rc<Library>,
    database: *mut c_void,
    scratch: *mut c_void,
}

impl Hyperscan {
    pub(super) fn new(
        name: &'static str,
        library: &Rc<Library>,
        pattern: &CStr,
    ) -> Result<Hyperscan, String> {
        let mut engine = Hyperscan {
            name,
            library: Rc::clone(library),
            database: ptr::null_mut(),
            scratch: ptr::null_mut(),
        };
        let mut error = ptr::null_mut();
        // SAFETY: a null-terminated pattern and two places to write to. A null platform is
        // the processor at hand. The error, if any, is read before it could be freed; it
        // is not freed: the process reports it and goes on without this engine.
        let compiled = unsafe {
            (library.compile)(
                pattern.as_ptr(),
                0,
                MODE_BLOCK,
                ptr::null(),
                &mut engine.database,
                &mut error,
            )
        };
        if compiled != 0 {
            return Err(format!(
                "Hyperscan does not compile {pattern:?}: {compiled}"
            ));
        }
        // SAFETY: a database that was compiled, and a place to write to.
        let allocated = unsafe { (library.alloc_scratch)(engine.database, &mut engine.scratch) };
        match allocated {
            0 => Ok(engine),
            error => Err(format!("no scratch for Hyperscan: {error}")),
        }
    }
}

impl Drop for Hyperscan {
    fn drop(&mut self) {
        // SAFETY: made by this library, or null, which both accept.
        unsafe {
            (self.library.free_scratch)(self.scratch);
            (self.library.free_database)(self.database);
        }
    }
}

unsafe extern "C" fn add_one(
    _: c_uint,
    _: c_ulonglong,
    _: c_ulonglong,
    _: c_uint,
    context: *mut c_void,
) -> c_int {
    // SAFETY: `count` passes a pointer to its counter, which outlives the scan.
    unsafe { *context.cast::<u64>() += 1 };
    0
}

impl Engine for Hyperscan {
    fn name(&self) -> &'static str {
        self.name
    }

    fn role(&self) -> Role {
        Role::Detector
    }

    fn count(&mut self, text: &Text) -> u64 {
        let mut found = 0u64;
        let len = c_uint::try_from(text.bytes.len()).expect("less than 4 GiB");
        // SAFETY: database and scratch belong together; the text is as long as said; the
        // counter lives until the call returns.
        let scanned = unsafe {
            (self.library.scan)(
                self.database,
                text.bytes.as_ptr().cast(),
                len,
                0,
                self.scratch,
                add_one,
                ptr::from_mut(&mut found).cast(),
            )
        };
        assert_eq!(scanned, 0, "hs_scan of {}", self.name);
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use panscan::Carrier;

    /// Where it is installed, it must find what it is measured at.
    #[test]
    fn finds_every_end() {
        let Ok(library) = Library::open() else {
            return;
        };
        assert!(library.version().starts_with('5'), "{}", library.version());
        let text = |bytes: &[u8]| Text {
            bytes: bytes.to_vec(),
            carrier: Carrier::Text,
            plain: 0,
            encoded: 0,
            events: Vec::new(),
        };
        let mut bare = Hyperscan::new("bare", &library, c"[0-9]{12}").expect("compiles");
        assert_eq!(bare.count(&text(b"a 4111111111111111 b")), 5);
        assert_eq!(bare.count(&text(b"4111-1111-1111-1111")), 0);
        let pattern = c"[0-9](?:[ -]?[0-9]){11,18}";
        let mut separated = Hyperscan::new("separated", &library, pattern).expect("compiles");
        assert_eq!(separated.count(&text(b"4111-1111-1111-1111")), 5);
    }
}
