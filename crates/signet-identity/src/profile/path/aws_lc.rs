//! `X509_verify_cert` of AWS-LC behind a safe function. AWS-LC decides; this file only calls it.

use std::ffi::{CStr, c_int, c_long};
use std::ptr::{NonNull, null_mut};

#[cfg(feature = "fips")]
use aws_lc_fips_sys as sys;
#[cfg(not(feature = "fips"))]
use aws_lc_sys as sys;
use rustls::pki_types::{CertificateDer, ServerName};

use super::request::{PATH_CERTIFICATES_MAX, PathError, PathRequest, Purpose};

/// A pointer that AWS-LC made and that is freed once.
struct Owned<T>(NonNull<T>, unsafe extern "C" fn(*mut T));

impl<T> Owned<T> {
    fn new(made: *mut T, free: unsafe extern "C" fn(*mut T)) -> Result<Self, PathError> {
        NonNull::new(made).map(|p| Self(p, free)).ok_or(PathError::Library)
    }

    fn get(&self) -> *mut T {
        self.0.as_ptr()
    }
}

impl<T> Drop for Owned<T> {
    fn drop(&mut self) {
        // SAFETY: the pointer came from the library's constructor of this type, `1` is its
        // destructor, and `self` is the only owner.
        unsafe { (self.1)(self.0.as_ptr()) }
    }
}

/// Certificates that the peer showed, in the library's list.
struct Untrusted {
    list: NonNull<sys::stack_st>,
    // The list borrows these.
    _certificates: Vec<Owned<sys::X509>>,
}

impl Untrusted {
    fn new(certificates: &[CertificateDer<'_>]) -> Result<Self, PathError> {
        let certificates: Vec<_> = certificates.iter().map(parse).collect::<Result<_, _>>()?;
        // SAFETY: takes nothing; a null pointer is handled.
        let list = NonNull::new(unsafe { sys::OPENSSL_sk_new_null() }).ok_or(PathError::Library)?;
        let new = Self { list, _certificates: certificates };
        for certificate in &new._certificates {
            // SAFETY: both are alive; the list stores the pointer only.
            if unsafe { sys::OPENSSL_sk_push(new.list.as_ptr(), certificate.get().cast()) } == 0 {
                return Err(PathError::Library);
            }
        }
        Ok(new)
    }
}

impl Drop for Untrusted {
    fn drop(&mut self) {
        // SAFETY: made in `new`, freed once; frees the list and not what it points to.
        unsafe { sys::OPENSSL_sk_free(self.list.as_ptr()) }
    }
}

fn parse(certificate: &CertificateDer<'_>) -> Result<Owned<sys::X509>, PathError> {
    let length = c_long::try_from(certificate.len()).map_err(|_| PathError::Unreadable)?;
    let mut at = certificate.as_ptr();
    // SAFETY: `at` points to `length` readable bytes.
    let parsed = unsafe { sys::d2i_X509(null_mut(), &raw mut at, length) };
    let parsed = Owned::new(parsed, sys::X509_free).map_err(|_| PathError::Unreadable)?;
    // No signature covers bytes after the certificate.
    if at.addr() == certificate.as_ptr().addr() + certificate.len() {
        Ok(parsed)
    } else {
        Err(PathError::Unreadable)
    }
}

/// The path from the end entity to an anchor, when the library finds a good one.
pub(super) fn validate(
    request: &PathRequest<'_>,
) -> Result<Vec<CertificateDer<'static>>, PathError> {
    let end_entity = parse(request.end_entity)?;
    let untrusted = Untrusted::new(request.intermediates)?;
    // SAFETY: takes nothing; a null pointer is handled by `Owned`.
    let store = Owned::new(unsafe { sys::X509_STORE_new() }, sys::X509_STORE_free)?;
    for anchor in request.anchors {
        let anchor = parse(anchor)?;
        // SAFETY: both are alive; the store takes a reference of its own.
        if unsafe { sys::X509_STORE_add_cert(store.get(), anchor.get()) } == 0 {
            return Err(PathError::Library);
        }
    }
    // SAFETY: as for the store.
    let context = Owned::new(unsafe { sys::X509_STORE_CTX_new() }, sys::X509_STORE_CTX_free)?;
    // SAFETY: everything handed over outlives `context`, which is declared last.
    let ready = unsafe {
        sys::X509_STORE_CTX_init(
            context.get(),
            store.get(),
            end_entity.get(),
            untrusted.list.as_ptr().cast(),
        )
    };
    if ready != 1 {
        return Err(PathError::Library);
    }
    configure(&context, request)?;
    // SAFETY: the context is initialised.
    if unsafe { sys::X509_verify_cert(context.get()) } == 1 {
        path(&context)
    } else {
        Err(refused(&context))
    }
}

fn configure(
    context: &Owned<sys::X509_STORE_CTX>,
    request: &PathRequest<'_>,
) -> Result<(), PathError> {
    let seconds = i64::try_from(request.now.as_secs()).map_err(|_| PathError::Library)?;
    let purpose = match request.purpose {
        Purpose::Client => sys::X509_PURPOSE_SSL_CLIENT,
        Purpose::Server(_) => sys::X509_PURPOSE_SSL_SERVER,
    };
    // Every configured authority is an anchor, self-signed or not, as for webpki; and the policy
    // tree of RFC 5280 §6.1 is built.
    let flags = sys::X509_V_FLAG_PARTIAL_CHAIN | sys::X509_V_FLAG_POLICY_CHECK;
    let depth = PATH_CERTIFICATES_MAX as c_int;
    // SAFETY: the parameters belong to the context, which is alive.
    let set = unsafe {
        let parameters = sys::X509_STORE_CTX_get0_param(context.get());
        sys::X509_VERIFY_PARAM_set_time_posix(parameters, seconds);
        sys::X509_VERIFY_PARAM_set_depth(parameters, depth);
        // The user-initial-policy-set of RFC 5280 §6.1.1 (c): any. The object is a constant of the
        // library.
        let any_policy = sys::OBJ_nid2obj(sys::NID_any_policy as c_int);
        sys::X509_VERIFY_PARAM_set_flags(parameters, flags as _) == 1
            && sys::X509_VERIFY_PARAM_set_purpose(parameters, purpose as c_int) == 1
            && sys::X509_VERIFY_PARAM_add0_policy(parameters, any_policy) == 1
            && must_name(parameters, request.purpose)
    };
    if set { Ok(()) } else { Err(PathError::Library) }
}

/// # Safety
/// `parameters` is alive.
unsafe fn must_name(parameters: *mut sys::X509_VERIFY_PARAM, purpose: Purpose<'_>) -> bool {
    match purpose {
        Purpose::Client => true,
        Purpose::Server(ServerName::DnsName(name)) => {
            let name: &str = name.as_ref();
            let rules = sys::X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS
                | sys::X509_CHECK_FLAG_NEVER_CHECK_SUBJECT;
            // SAFETY: the library copies `name.len()` bytes.
            unsafe {
                sys::X509_VERIFY_PARAM_set_hostflags(parameters, rules as _);
                sys::X509_VERIFY_PARAM_set1_host(parameters, name.as_ptr().cast(), name.len()) == 1
            }
        }
        Purpose::Server(ServerName::IpAddress(address)) => {
            let octets = match std::net::IpAddr::from(*address) {
                std::net::IpAddr::V4(v4) => v4.octets().to_vec(),
                std::net::IpAddr::V6(v6) => v6.octets().to_vec(),
            };
            // SAFETY: the library copies the 4 or 16 bytes.
            unsafe {
                sys::X509_VERIFY_PARAM_set1_ip(parameters, octets.as_ptr(), octets.len()) == 1
            }
        }
        Purpose::Server(_) => false,
    }
}

fn refused(context: &Owned<sys::X509_STORE_CTX>) -> PathError {
    // SAFETY: the context is alive; the text is a constant of the library.
    unsafe {
        let code = sys::X509_STORE_CTX_get_error(context.get());
        let text = sys::X509_verify_cert_error_string(code.into());
        let why = if text.is_null() {
            code.to_string()
        } else {
            CStr::from_ptr(text).to_string_lossy().into_owned()
        };
        PathError::Refused { depth: sys::X509_STORE_CTX_get_error_depth(context.get()), why }
    }
}

/// The validated path, end entity first.
fn path(context: &Owned<sys::X509_STORE_CTX>) -> Result<Vec<CertificateDer<'static>>, PathError> {
    // SAFETY: the list and its certificates belong to the context, which is alive.
    unsafe {
        let list = sys::X509_STORE_CTX_get0_chain(context.get());
        if list.is_null() {
            return Err(PathError::Library);
        }
        (0..sys::OPENSSL_sk_num(list.cast()))
            .map(|i| der(sys::OPENSSL_sk_value(list.cast(), i).cast()))
            .collect()
    }
}

/// # Safety
/// `certificate` is alive.
unsafe fn der(certificate: *mut sys::X509) -> Result<CertificateDer<'static>, PathError> {
    // SAFETY: asks for the length only.
    let length = unsafe { sys::i2d_X509(certificate, null_mut()) };
    let mut bytes = vec![0; usize::try_from(length).map_err(|_| PathError::Library)?];
    let mut at = bytes.as_mut_ptr();
    // SAFETY: `at` points to as many bytes as the library said it writes.
    let written = unsafe { sys::i2d_X509(certificate, &raw mut at) };
    if written == length { Ok(bytes.into()) } else { Err(PathError::Library) }
}
