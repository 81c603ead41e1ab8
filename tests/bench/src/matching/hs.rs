//! Hyperscan and Vectorscan through their common C interface, opened at run time.
//!
//! All unsafe code of the bench is here. Start at [`Database::build`].

#![expect(unsafe_code, reason = "a C library; each block says why it is sound")]

use std::ffi::{CStr, CString, c_char, c_int, c_uint, c_ulonglong, c_void};
use std::path::Path;
use std::ptr;

use anyhow::{Context as _, bail};
use libloading::Library;

use super::engine::{Engine, Pairs, lines};

// From hs_compile.h.
const HS_FLAG_SINGLEMATCH: c_uint = 8;
const HS_MODE_BLOCK: c_uint = 1;

type Event = unsafe extern "C" fn(c_uint, c_ulonglong, c_ulonglong, c_uint, *mut c_void) -> c_int;
type Scan = unsafe extern "C" fn(
    *const c_void,
    *const c_char,
    c_uint,
    c_uint,
    *mut c_void,
    Option<Event>,
    *mut c_void,
) -> c_int;
type Compile = unsafe extern "C" fn(
    *const *const c_char,
    *const c_uint,
    *const c_uint,
    c_uint,
    c_uint,
    *const c_void,
    *mut *mut c_void,
    *mut *mut CompileError,
) -> c_int;
type AllocScratch = unsafe extern "C" fn(*const c_void, *mut *mut c_void) -> c_int;
type Version = unsafe extern "C" fn() -> *const c_char;

/// `hs_compile_error_t`.
#[repr(C)]
struct CompileError {
    message: *const c_char,
    expression: c_int,
}

/// A compiled set of patterns. It lives as long as the process: nothing of it is given back.
pub struct Database {
    database: *const c_void,
    scratch: *mut c_void,
    scan: Scan,
    version: String,
    // Last: the functions above are in it.
    _library: Library,
}

impl Database {
    /// Opens the library and compiles patterns without captures, of which each counts once a line.
    pub fn build(library: &Path, patterns: &[String]) -> anyhow::Result<Self> {
        let owned = patterns.iter().map(|text| CString::new(text.as_str())).collect::<Result<Vec<_>, _>>()?;
        let texts: Vec<*const c_char> = owned.iter().map(|text| text.as_ptr()).collect();
        let flags = vec![HS_FLAG_SINGLEMATCH; texts.len()];
        let count = c_uint::try_from(texts.len())?;
        let ids: Vec<c_uint> = (0..count).collect();
        // SAFETY: the operator names the library; its initialisers are those of Hyperscan.
        let library = unsafe { Library::new(library) }.with_context(|| format!("open {}", library.display()))?;
        // SAFETY: names and types are those of hs_common.h, hs_compile.h and hs_runtime.h of 5.4.
        let (compile, alloc, scan, version) = unsafe {
            (
                *library.get::<Compile>(b"hs_compile_multi\0")?,
                *library.get::<AllocScratch>(b"hs_alloc_scratch\0")?,
                *library.get::<Scan>(b"hs_scan\0")?,
                *library.get::<Version>(b"hs_version\0")?,
            )
        };
        let (mut database, mut error, mut scratch) = (ptr::null_mut(), ptr::null_mut(), ptr::null_mut());
        // SAFETY: the three arrays have `count` elements and outlive the call; no platform means this one.
        let code = unsafe {
            let (texts, flags, ids) = (texts.as_ptr(), flags.as_ptr(), ids.as_ptr());
            compile(texts, flags, ids, count, HS_MODE_BLOCK, ptr::null(), &raw mut database, &raw mut error)
        };
        if code != 0 {
            // SAFETY: on failure the library hands out an error with a text that ends in NUL.
            let (text, number) = unsafe {
                error.as_ref().map_or_else(Default::default, |e| {
                    (CStr::from_ptr(e.message).to_string_lossy().into_owned(), e.expression)
                })
            };
            bail!("hs_compile_multi: pattern {number}: {text} (error {code})");
        }
        // SAFETY: the database was just made; a null scratch asks for a new one.
        let code = unsafe { alloc(database, &raw mut scratch) };
        if code != 0 {
            bail!("hs_alloc_scratch: error {code}");
        }
        // SAFETY: the text is static and ends in NUL.
        let version = unsafe { CStr::from_ptr(version()) }.to_string_lossy().into_owned();
        Ok(Self { database, scratch, scan, version, _library: library })
    }

    fn line<F: FnMut(usize)>(&mut self, line: &[u8], found: &mut F) -> c_int {
        /// Called by the library for each match.
        unsafe extern "C" fn told<F: FnMut(usize)>(
            id: c_uint,
            _: c_ulonglong,
            _: c_ulonglong,
            _: c_uint,
            context: *mut c_void,
        ) -> c_int {
            // SAFETY: `context` is the `found` below, which nobody else uses while the library runs.
            let found = unsafe { &mut *context.cast::<F>() };
            found(id as usize);
            0
        }
        let Ok(length) = c_uint::try_from(line.len()) else { return -1 };
        let context = ptr::from_mut(found).cast();
        // SAFETY: database and scratch were made for each other and are used by this thread alone; the bytes are borrowed.
        unsafe { (self.scan)(self.database, line.as_ptr().cast(), length, 0, self.scratch, Some(told::<F>), context) }
    }
}

impl Engine for Database {
    fn scan(&mut self, log: &[u8], pairs: &mut Pairs) {
        for (start, line) in lines(log) {
            let code = self.line(line, &mut |pattern| pairs.pair(start, || pattern));
            // Found nothing is 0, too; anything else is a mistake of this file.
            assert_eq!(code, 0, "hs_scan of the line at byte {start}");
        }
    }

    fn version(&self) -> Option<String> {
        Some(self.version.clone())
    }
}
