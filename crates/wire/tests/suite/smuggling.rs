//! Messages that two parsers could read in two ways: each is refused, with the
//! error that its answer is made from.

use wire::WireError::{self, Framing, Malformed, TooLarge, Unsupported};
use wire::http1::{BodyLength, HeadParser, Limits};

use crate::heads::{request, response};
use crate::properties::http1::read;

fn length_of(headers: &str) -> Result<BodyLength, WireError> {
    let text = format!("POST / HTTP/1.1\r\nHost: a\r\n{headers}\r\n");
    BodyLength::of_request(text.as_bytes(), &request(&text)?)
}

fn answer(start_line: &str, headers: &str, method: &str) -> Result<BodyLength, WireError> {
    let text = format!("{start_line}\r\n{headers}\r\n");
    BodyLength::of_response(text.as_bytes(), &response(&text)?, method.as_bytes())
}

fn chunked(body: &str) -> Option<WireError> {
    read(
        BodyLength::Chunked,
        body.as_bytes(),
        body.len(),
        &Limits::default(),
    )
    .error
}

/// `name: input => pattern,` one test each.
macro_rules! refused {
    ($( $name:ident: $input:expr => $pattern:pat, )*) => { $(
        #[test]
        fn $name() {
            let refusal = $input;
            assert!(matches!(refusal, $pattern), "{refusal:?}");
        }
    )* };
}

refused! {
    // Length of a request.
    cl_and_te: length_of("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n") => Err(Framing(_)),
    te_and_cl: length_of("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n") => Err(Framing(_)),
    te_and_cl_zero: length_of("Transfer-Encoding: chunked\r\nContent-Length: 0\r\n") => Err(Framing(_)),
    cl_twice_different: length_of("Content-Length: 5\r\nContent-Length: 6\r\n") => Err(Framing(_)),
    cl_twice_equal: length_of("Content-Length: 5\r\nContent-Length: 5\r\n") => Err(Framing(_)),
    cl_twice_other_case: length_of("Content-Length: 5\r\ncontent-length: 5\r\n") => Err(Framing(_)),
    cl_list: length_of("Content-Length: 5, 5\r\n") => Err(Framing(_)),
    cl_plus: length_of("Content-Length: +5\r\n") => Err(Framing(_)),
    cl_minus: length_of("Content-Length: -1\r\n") => Err(Framing(_)),
    cl_hex: length_of("Content-Length: 0x10\r\n") => Err(Framing(_)),
    cl_empty: length_of("Content-Length:\r\n") => Err(Framing(_)),
    cl_inner_space: length_of("Content-Length: 1 0\r\n") => Err(Framing(_)),
    cl_fraction: length_of("Content-Length: 5.0\r\n") => Err(Framing(_)),
    cl_underscore: length_of("Content-Length: 1_0\r\n") => Err(Framing(_)),
    cl_overflow: length_of("Content-Length: 18446744073709551616\r\n") => Err(Framing(_)),
    cl_not_ascii: length_of("Content-Length: \u{665}\r\n") => Err(Framing(_)),
    te_identity: length_of("Transfer-Encoding: identity\r\n") => Err(Framing(_)),
    te_gzip_chunked: length_of("Transfer-Encoding: gzip, chunked\r\n") => Err(Framing(_)),
    te_chunked_gzip: length_of("Transfer-Encoding: chunked, gzip\r\n") => Err(Framing(_)),
    te_chunked_chunked: length_of("Transfer-Encoding: chunked, chunked\r\n") => Err(Framing(_)),
    te_twice: length_of("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n") => Err(Framing(_)),
    te_twice_one_identity: length_of("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n") => Err(Framing(_)),
    te_xchunked: length_of("Transfer-Encoding: xchunked\r\n") => Err(Framing(_)),
    te_quoted: length_of("Transfer-Encoding: \"chunked\"\r\n") => Err(Framing(_)),
    te_parameter: length_of("Transfer-Encoding: chunked;q=1\r\n") => Err(Framing(_)),
    te_empty: length_of("Transfer-Encoding:\r\n") => Err(Framing(_)),
    te_vertical_tab: length_of("Transfer-Encoding: \x0bchunked\r\n") => Err(Malformed(_)),
    te_space_before_colon: length_of("Transfer-Encoding : chunked\r\n") => Err(Malformed(_)),
    te_tab_before_colon: length_of("Transfer-Encoding\t: chunked\r\n") => Err(Malformed(_)),
    te_leading_space: length_of(" Transfer-Encoding: chunked\r\n") => Err(Malformed(_)),
    te_folded: length_of("Transfer-Encoding:\r\n chunked\r\n") => Err(Malformed(_)),
    te_folded_tab: length_of("X: y\r\n\tTransfer-Encoding: chunked\r\n") => Err(Malformed(_)),
    te_after_bare_lf: length_of("X: y\nTransfer-Encoding: chunked\r\n") => Err(Malformed(_)),
    te_after_bare_cr: length_of("X: y\rTransfer-Encoding: chunked\r\n") => Err(Malformed(_)),
    te_after_nul: length_of("X: y\0Transfer-Encoding: chunked\r\n") => Err(Malformed(_)),
    header_without_colon: length_of("Transfer-Encoding\r\n") => Err(Malformed(_)),
    header_without_name: length_of(": chunked\r\n") => Err(Malformed(_)),
    header_name_not_token: length_of("Content(Length): 5\r\n") => Err(Malformed(_)),
    header_name_not_ascii: length_of("Content\u{2d}\u{e9}: 5\r\n") => Err(Malformed(_)),
    header_value_control: length_of("X: a\x01b\r\n") => Err(Malformed(_)),
    header_value_del: length_of("X: a\x7fb\r\n") => Err(Malformed(_)),
    te_http_1_0: {
        let text = "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n";
        BodyLength::of_request(text.as_bytes(), &request(text).unwrap())
    } => Err(Framing(_)),

    // Request line and Host.
    http_0_9: request("GET /\r\n\r\n") => Err(Unsupported(_)),
    http_2_preface: request("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n") => Err(Unsupported(_)),
    http_1_2: request("GET / HTTP/1.2\r\nHost: a\r\n\r\n") => Err(Unsupported(_)),
    http_3: request("GET / HTTP/3\r\nHost: a\r\n\r\n") => Err(Unsupported(_)),
    version_lower_case: request("GET / http/1.1\r\nHost: a\r\n\r\n") => Err(Malformed(_)),
    version_with_space: request("GET / HTTP/1.1 \r\nHost: a\r\n\r\n") => Err(Malformed(_)),
    absolute_form: request("GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n") => Err(Unsupported(_)),
    absolute_form_other_host: request("GET https://b/ HTTP/1.1\r\nHost: a\r\n\r\n") => Err(Unsupported(_)),
    authority_form: request("CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n") => Err(Unsupported(_)),
    asterisk_form_get: request("GET * HTTP/1.1\r\nHost: a\r\n\r\n") => Err(Malformed(_)),
    target_without_slash: request("GET mcp HTTP/1.1\r\nHost: a\r\n\r\n") => Err(Malformed(_)),
    target_fragment: request("GET /#a HTTP/1.1\r\nHost: a\r\n\r\n") => Err(Malformed(_)),
    target_space: request("GET /a b HTTP/1.1\r\nHost: a\r\n\r\n") => Err(Malformed(_)),
    target_not_ascii: request("GET /\u{e9} HTTP/1.1\r\nHost: a\r\n\r\n") => Err(Malformed(_)),
    target_empty: request("GET  HTTP/1.1\r\nHost: a\r\n\r\n") => Err(Malformed(_)),
    two_spaces: request("GET  / HTTP/1.1\r\nHost: a\r\n\r\n") => Err(Malformed(_)),
    tab_in_request_line: request("GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n") => Err(Malformed(_)),
    leading_empty_line: request("\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n") => Err(Malformed(_)),
    leading_space: request(" GET / HTTP/1.1\r\nHost: a\r\n\r\n") => Err(Malformed(_)),
    method_not_token: request("GE(T / HTTP/1.1\r\nHost: a\r\n\r\n") => Err(Malformed(_)),
    host_missing: request("GET / HTTP/1.1\r\n\r\n") => Err(Malformed(_)),
    host_twice: request("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n") => Err(Malformed(_)),
    host_list: request("GET / HTTP/1.1\r\nHost: a, b\r\n\r\n") => Err(Malformed(_)),
    host_user: request("GET / HTTP/1.1\r\nHost: a@b\r\n\r\n") => Err(Malformed(_)),
    only_lf: request("GET / HTTP/1.1\nHost: a\n\n") => Err(Malformed(_)),
    tls_hello: HeadParser::new().request(b"\x16\x03\x01\x00\xf4\x01", &Limits::default()) => Err(Malformed(_)),

    // Length of a response.
    response_cl_and_te: answer("HTTP/1.1 200 OK", "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "POST") => Err(Framing(_)),
    response_cl_twice: answer("HTTP/1.1 200 OK", "Content-Length: 5\r\nContent-Length: 5\r\n", "POST") => Err(Framing(_)),
    response_te_http_1_0: answer("HTTP/1.0 200 OK", "Transfer-Encoding: chunked\r\n", "POST") => Err(Framing(_)),
    response_te_gzip: answer("HTTP/1.1 200 OK", "Transfer-Encoding: gzip\r\n", "POST") => Err(Framing(_)),
    response_head_conflict: answer("HTTP/1.1 200 OK", "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "HEAD") => Err(Framing(_)),
    response_204_with_body: answer("HTTP/1.1 204 No Content", "Content-Length: 5\r\n", "POST") => Err(Framing(_)),
    response_100_with_body: answer("HTTP/1.1 100 Continue", "Transfer-Encoding: chunked\r\n", "POST") => Err(Framing(_)),
    response_101: answer("HTTP/1.1 101 Switching Protocols", "Upgrade: websocket\r\n", "GET") => Err(Unsupported(_)),
    response_to_connect: answer("HTTP/1.1 200 OK", "", "CONNECT") => Err(Unsupported(_)),
    response_status_two_digits: answer("HTTP/1.1 20 OK", "", "GET") => Err(Malformed(_)),
    response_status_four_digits: answer("HTTP/1.1 2000 OK", "", "GET") => Err(Malformed(_)),
    response_status_099: answer("HTTP/1.1 099 X", "", "GET") => Err(Malformed(_)),
    response_status_600: answer("HTTP/1.1 600 X", "", "GET") => Err(Malformed(_)),
    response_http_2: answer("HTTP/2 200", "", "GET") => Err(Unsupported(_)),
    response_space_before_colon: answer("HTTP/1.1 200 OK", "Content-Length : 5\r\n", "GET") => Err(Malformed(_)),
    response_folded: answer("HTTP/1.1 200 OK", "X: a\r\n b\r\n", "GET") => Err(Malformed(_)),

    // Chunks.
    chunk_size_empty: chunked("\r\n") => Some(Framing(_)),
    chunk_size_0x: chunked("0x5\r\nhello\r\n0\r\n\r\n") => Some(Framing(_)),
    chunk_size_plus: chunked("+5\r\nhello\r\n0\r\n\r\n") => Some(Framing(_)),
    chunk_size_minus: chunked("-1\r\nhello\r\n0\r\n\r\n") => Some(Framing(_)),
    chunk_size_underscore: chunked("1_0\r\n") => Some(Framing(_)),
    chunk_size_leading_space: chunked(" 5\r\nhello\r\n0\r\n\r\n") => Some(Framing(_)),
    chunk_size_trailing_space: chunked("5 \r\nhello\r\n0\r\n\r\n") => Some(Framing(_)),
    chunk_size_trailing_tab: chunked("5\t\r\nhello\r\n0\r\n\r\n") => Some(Framing(_)),
    chunk_size_letter: chunked("5g\r\nhello\r\n0\r\n\r\n") => Some(Framing(_)),
    chunk_size_overflow: chunked("10000000000000000\r\n") => Some(Framing(_)),
    chunk_size_wraps_to_small: chunked("100000000000000005\r\nhello\r\n") => Some(Framing(_)),
    chunk_size_bare_lf: chunked("5\nhello\r\n0\r\n\r\n") => Some(Framing(_)),
    chunk_size_bare_cr: chunked("5\rhello\r\n0\r\n\r\n") => Some(Framing(_)),
    chunk_size_comma: chunked("5,6\r\nhello\r\n0\r\n\r\n") => Some(Framing(_)),
    chunk_extension_bare_lf: chunked("5;a\nhello\r\n0\r\n\r\n") => Some(Framing(_)),
    chunk_extension_bare_cr: chunked("5;a\rb\r\nhello\r\n0\r\n\r\n") => Some(Framing(_)),
    chunk_extension_nul: chunked("5;a\0\r\nhello\r\n0\r\n\r\n") => Some(Framing(_)),
    chunk_extension_control: chunked("5;a=\x01\r\nhello\r\n0\r\n\r\n") => Some(Framing(_)),
    chunk_extension_long: chunked(&format!("5;{}\r\n", "a".repeat(300))) => Some(TooLarge("chunk_line_bytes_max")),
    chunk_size_many_zeros: chunked(&"0".repeat(300)) => Some(Framing(_)),
    chunk_size_17_zeros: chunked("00000000000000000\r\n\r\n") => Some(Framing(_)),
    chunk_data_short: chunked("6\r\nhello\r\n0\r\n\r\n") => Some(Framing(_)),
    chunk_data_long: chunked("4\r\nhello\r\n0\r\n\r\n") => Some(Framing(_)),
    chunk_data_end_lf: chunked("5\r\nhello\n0\r\n\r\n") => Some(Framing(_)),
    chunk_data_end_cr: chunked("5\r\nhello\r0\r\n\r\n") => Some(Framing(_)),
    trailer_bare_lf: chunked("0\r\nA: b\n\r\n") => Some(Malformed(_)),
    trailer_bare_cr: chunked("0\r\nA: b\rc: d\r\n\r\n") => Some(Malformed(_)),
    trailer_folded: chunked("0\r\nA: b\r\n c\r\n\r\n") => Some(Malformed(_)),
    trailer_no_colon: chunked("0\r\nGET / HTTP/1.1\r\n\r\n") => Some(Malformed(_)),
    trailer_space_before_colon: chunked("0\r\nA : b\r\n\r\n") => Some(Malformed(_)),
    trailer_no_name: chunked("0\r\n: b\r\n\r\n") => Some(Malformed(_)),
    trailer_end_lf: chunked("0\r\n\n") => Some(Malformed(_)),
    trailer_end_cr: chunked("0\r\n\rX") => Some(Malformed(_)),
    trailer_long: chunked(&format!("0\r\nA: {}\r\n\r\n", "b".repeat(9000))) => Some(TooLarge("trailer_bytes_max")),
}
