import { componentEmbed, componentNew } from '@bytecodealliance/jco';
import wabt from 'wabt';

/**
 * Makes an HTTP component of WebAssembly text that is written against the canonical ABI: imports of the world below, the exports `memory`,
 * `cabi_realloc` and `wasi:http/incoming-handler@0.2.0#handle`. At build time and in tests only: `wabt` is not there otherwise.
 */
export async function httpComponent(name: string, wat: string): Promise<Uint8Array> {
  const core = (await wabt()).parseWat(name, wat, { bulk_memory: true }).toBinary({}).buffer;
  const embedded = await componentEmbed({
    binary: core,
    witSource: WIT,
    world: 'http',
    stringEncoding: 'utf8',
  });
  return componentNew(embedded, []);
}

/**
 * The part of WASI 0.2.0 that modules here use. A component may import a part of an interface, but its types must be whole for other hosts
 * (wasmtime) to link it.
 */
const WIT = `
package orlop:component@1.0.0;

world http {
  import wasi:cli/environment@0.2.0;
  import wasi:cli/stdout@0.2.0;
  import wasi:io/streams@0.2.0;
  import wasi:http/types@0.2.0;
  export wasi:http/incoming-handler@0.2.0;
}

package wasi:cli@0.2.0 {
  interface environment {
    get-environment: func() -> list<tuple<string, string>>;
  }
  interface stdout {
    use wasi:io/streams@0.2.0.{output-stream};
    get-stdout: func() -> output-stream;
  }
}

package wasi:io@0.2.0 {
  interface error {
    resource error;
  }
  interface streams {
    use error.{error};
    variant stream-error { last-operation-failed(error), closed }
    resource input-stream {
      blocking-read: func(len: u64) -> result<list<u8>, stream-error>;
    }
    resource output-stream {
      blocking-write-and-flush: func(contents: list<u8>) -> result<_, stream-error>;
    }
  }
}

package wasi:http@0.2.0 {
  interface types {
    use wasi:io/streams@0.2.0.{input-stream, output-stream};
    variant error-code {
      DNS-timeout, DNS-error(DNS-error-payload), destination-not-found, destination-unavailable,
      destination-IP-prohibited, destination-IP-unroutable, connection-refused, connection-terminated,
      connection-timeout, connection-read-timeout, connection-write-timeout, connection-limit-reached,
      TLS-protocol-error, TLS-certificate-error, TLS-alert-received(TLS-alert-received-payload),
      HTTP-request-denied, HTTP-request-length-required, HTTP-request-body-size(option<u64>),
      HTTP-request-method-invalid, HTTP-request-URI-invalid, HTTP-request-URI-too-long,
      HTTP-request-header-section-size(option<u32>), HTTP-request-header-size(option<field-size-payload>),
      HTTP-request-trailer-section-size(option<u32>), HTTP-request-trailer-size(field-size-payload),
      HTTP-response-incomplete, HTTP-response-header-section-size(option<u32>),
      HTTP-response-header-size(field-size-payload), HTTP-response-body-size(option<u64>),
      HTTP-response-trailer-section-size(option<u32>), HTTP-response-trailer-size(field-size-payload),
      HTTP-response-transfer-coding(option<string>), HTTP-response-content-coding(option<string>),
      HTTP-response-timeout, HTTP-upgrade-failed, HTTP-protocol-error, loop-detected, configuration-error,
      internal-error(option<string>),
    }
    record DNS-error-payload { rcode: option<string>, info-code: option<u16> }
    record TLS-alert-received-payload { alert-id: option<u8>, alert-message: option<string> }
    record field-size-payload { field-name: option<string>, field-size: option<u32> }
    variant header-error { invalid-syntax, forbidden, immutable }
    type field-key = string;
    type field-value = list<u8>;
    resource fields {
      constructor();
      append: func(name: field-key, value: field-value) -> result<_, header-error>;
    }
    type headers = fields;
    type trailers = fields;
    resource incoming-request {
      path-with-query: func() -> option<string>;
      consume: func() -> result<incoming-body>;
    }
    resource incoming-body {
      %stream: func() -> result<input-stream>;
    }
    resource response-outparam {
      set: static func(param: response-outparam, response: result<outgoing-response, error-code>);
    }
    resource outgoing-response {
      constructor(headers: headers);
      set-status-code: func(status-code: u16) -> result;
      body: func() -> result<outgoing-body>;
    }
    resource outgoing-body {
      write: func() -> result<output-stream>;
      finish: static func(this: outgoing-body, trailers: option<trailers>) -> result<_, error-code>;
    }
  }
  interface incoming-handler {
    use types.{incoming-request, response-outparam};
    handle: func(request: incoming-request, response-out: response-outparam);
  }
}
`;
