//! Memory with a page that cannot be touched before it and one behind it.

/// Where in the memory a text lies.
#[derive(Clone, Copy)]
pub(crate) enum At {
    /// Its first byte is the first that may be read.
    Start,
    /// Its last byte is the last that may be read.
    End,
}

/// Readable bytes between two guard pages.
pub(crate) struct Guarded {
    map: *mut libc::c_void,
    page: usize,
    len: usize,
}

impl Guarded {
    /// At least `len` bytes.
    pub(crate) fn new(len: usize) -> Guarded {
        // SAFETY: no pointer is passed.
        let page = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
        let page = usize::try_from(page).expect("a page size");
        let len = len.next_multiple_of(page);
        // SAFETY: a mapping of its own, at an address of the kernel's choice.
        let map = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                len + 2 * page,
                libc::PROT_NONE,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
                -1,
                0,
            )
        };
        assert_ne!(map, libc::MAP_FAILED, "mmap");
        // SAFETY: inside the mapping, page aligned.
        let done =
            unsafe { libc::mprotect(map.byte_add(page), len, libc::PROT_READ | libc::PROT_WRITE) };
        assert_eq!(done, 0, "mprotect");
        Guarded { map, page, len }
    }

    /// Copies `text` to the start or the end.
    pub(crate) fn hold(&mut self, text: &[u8], place: At) -> &[u8] {
        assert!(text.len() <= self.len);
        let skip = match place {
            At::Start => 0,
            At::End => self.len - text.len(),
        };
        // SAFETY: `skip + text.len()` is at most `len`, and these are ours to write.
        unsafe {
            let to = self.map.byte_add(self.page + skip).cast::<u8>();
            std::ptr::copy_nonoverlapping(text.as_ptr(), to, text.len());
            std::slice::from_raw_parts(to, text.len())
        }
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        // SAFETY: what `new` mapped, and nothing borrows from it any more.
        unsafe { libc::munmap(self.map, self.len + 2 * self.page) };
    }
}
