/**
 * Makes the built-in image `orlop.dev/hello:1`: `node build.js OUTDIR` writes `OUTDIR/hello.wasm`, a WASI 0.2 HTTP component. The core
 * module is WebAssembly text against the canonical ABI, so no compiler but `wabt` is needed. It answers every request with who answered
 * (`POD_NAME`, else `HOSTNAME`) and the path, so that load balancing can be seen.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { httpComponent } from './component.ts';

const outDir = process.argv[2];
if (outDir === undefined) throw new Error('usage: node build.js OUTDIR');

/** Memory: 0-63 return area, 64-1023 constants, 1024-9215 the answer, then what the host allocates, reset by each request. */
const WAT = `(module
  (import "wasi:cli/environment@0.2.0" "get-environment" (func $get-environment (param i32)))
  (import "wasi:http/types@0.2.0" "[constructor]fields" (func $fields (result i32)))
  (import "wasi:http/types@0.2.0" "[method]fields.append"
    (func $append (param i32 i32 i32 i32 i32 i32)))
  (import "wasi:http/types@0.2.0" "[method]incoming-request.path-with-query" (func $path (param i32 i32)))
  (import "wasi:http/types@0.2.0" "[resource-drop]incoming-request" (func $drop-request (param i32)))
  (import "wasi:http/types@0.2.0" "[constructor]outgoing-response" (func $response (param i32) (result i32)))
  (import "wasi:http/types@0.2.0" "[method]outgoing-response.body" (func $body (param i32 i32)))
  (import "wasi:http/types@0.2.0" "[method]outgoing-body.write" (func $write-body (param i32 i32)))
  (import "wasi:http/types@0.2.0" "[static]outgoing-body.finish" (func $finish (param i32 i32 i32 i32)))
  (import "wasi:http/types@0.2.0" "[static]response-outparam.set"
    (func $set (param i32 i32 i32 i32 i64 i32 i32 i32 i32)))
  (import "wasi:io/streams@0.2.0" "[method]output-stream.blocking-write-and-flush"
    (func $write (param i32 i32 i32 i32)))
  (import "wasi:io/streams@0.2.0" "[resource-drop]output-stream" (func $drop-stream (param i32)))
  (memory (export "memory") 1)
  (data (i32.const 64) "POD_NAME")
  (data (i32.const 80) "HOSTNAME")
  (data (i32.const 96) "content-type")
  (data (i32.const 112) "text/plain; charset=utf-8")
  (data (i32.const 144) "Hello from Orlop! Pod ")
  (data (i32.const 176) " answers ")
  (data (i32.const 192) "\\n")
  (data (i32.const 200) "unknown")
  (global $free (mut i32) (i32.const 9216))
  (global $end (mut i32) (i32.const 1024))

  ;; A bump allocator: the host asks for room for strings and lists; grows the memory when a request is larger than what is left.
  (func (export "cabi_realloc") (param $old i32) (param $old-size i32) (param $align i32) (param $size i32) (result i32)
    (local $at i32)
    (local.set $at (i32.and (i32.add (global.get $free) (i32.const 7)) (i32.const -8)))
    (global.set $free (i32.add (local.get $at) (local.get $size)))
    (if (i32.gt_u (global.get $free) (i32.mul (memory.size) (i32.const 65536)))
      (then
        (if (i32.eq (i32.const -1) (memory.grow (i32.add (i32.shr_u (local.get $size) (i32.const 16)) (i32.const 1))))
          (then unreachable))))
    (local.get $at))

  ;; Adds bytes to the answer, cut off at its end.
  (func $put (param $from i32) (param $length i32)
    (local $room i32)
    (local.set $room (i32.sub (i32.const 9216) (global.get $end)))
    (if (i32.gt_u (local.get $length) (local.get $room)) (then (local.set $length (local.get $room))))
    (memory.copy (global.get $end) (local.get $from) (local.get $length))
    (global.set $end (i32.add (global.get $end) (local.get $length))))

  ;; The address of the pair (name, value) whose name is the 8 bytes at $name, or 0.
  (func $find (param $list i32) (param $count i32) (param $name i32) (result i32)
    (block $done
      (loop $next
        (br_if $done (i32.eqz (local.get $count)))
        (if (i32.eq (i32.load offset=4 (local.get $list)) (i32.const 8))
          (then (if (i64.eq (i64.load (i32.load (local.get $list))) (i64.load (local.get $name)))
            (then (return (local.get $list))))))
        (local.set $list (i32.add (local.get $list) (i32.const 16)))
        (local.set $count (i32.sub (local.get $count) (i32.const 1)))
        (br $next)))
    (i32.const 0))

  (func $put-pod
    (local $list i32) (local $count i32) (local $pair i32)
    (call $get-environment (i32.const 0))
    (local.set $list (i32.load (i32.const 0)))
    (local.set $count (i32.load (i32.const 4)))
    (local.set $pair (call $find (local.get $list) (local.get $count) (i32.const 64)))
    (if (i32.eqz (local.get $pair))
      (then (local.set $pair (call $find (local.get $list) (local.get $count) (i32.const 80)))))
    (if (local.get $pair)
      (then (call $put (i32.load offset=8 (local.get $pair)) (i32.load offset=12 (local.get $pair))))
      (else (call $put (i32.const 200) (i32.const 7)))))

  (func (export "wasi:http/incoming-handler@0.2.0#handle") (param $request i32) (param $out i32)
    (local $headers i32) (local $response i32) (local $body i32) (local $stream i32) (local $at i32) (local $part i32)
    (global.set $free (i32.const 9216))
    (global.set $end (i32.const 1024))
    (call $put (i32.const 144) (i32.const 22))
    (call $put-pod)
    (call $put (i32.const 176) (i32.const 9))
    (call $path (local.get $request) (i32.const 0))
    (if (i32.load8_u (i32.const 0)) (then (call $put (i32.load (i32.const 4)) (i32.load (i32.const 8)))))
    (call $put (i32.const 192) (i32.const 1))
    (call $drop-request (local.get $request))
    (local.set $headers (call $fields))
    (call $append (local.get $headers) (i32.const 96) (i32.const 12) (i32.const 112) (i32.const 25) (i32.const 0))
    (local.set $response (call $response (local.get $headers)))
    (call $body (local.get $response) (i32.const 0))
    (local.set $body (i32.load (i32.const 4)))
    (call $write-body (local.get $body) (i32.const 0))
    (local.set $stream (i32.load (i32.const 4)))
    (call $set (local.get $out) (i32.const 0) (local.get $response) (i32.const 0) (i64.const 0)
      (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0))
    ;; blocking-write-and-flush takes at most 4096 bytes.
    (local.set $at (i32.const 1024))
    (loop $more
      (local.set $part (i32.sub (global.get $end) (local.get $at)))
      (if (i32.gt_u (local.get $part) (i32.const 4096)) (then (local.set $part (i32.const 4096))))
      (call $write (local.get $stream) (local.get $at) (local.get $part) (i32.const 0))
      (local.set $at (i32.add (local.get $at) (local.get $part)))
      (br_if $more (i32.lt_u (local.get $at) (global.get $end))))
    (call $drop-stream (local.get $stream))
    (call $finish (local.get $body) (i32.const 0) (i32.const 0) (i32.const 0))))
`;

await mkdir(outDir, { recursive: true });
await writeFile(join(outDir, 'hello.wasm'), await httpComponent('hello.wat', WAT));
