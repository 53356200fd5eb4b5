import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { brotliDecompressSync } from 'node:zlib';
import wabt from 'wabt';
import { httpComponent } from '../../runtimes/wasm/hello/component.ts';

/**
 * A WASI preview 1 command that does what the first letter of its first argument says: `p`rint three lines, `s`ucceed, `f`ail, print the
 * variable `g`reeting, `w`ait for an hour, `l`oop for ever, `t`rap, take all `m`emory, `c`opy stdin to stdout, pr`i`nt half a line.
 */
const COMMAND = `(module
  (import "wasi_snapshot_preview1" "args_get" (func $args-get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "environ_sizes_get" (func $environ-sizes-get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "environ_get" (func $environ-get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $fd-write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_read" (func $fd-read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll-oneoff (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $proc-exit (param i32)))
  (memory (export "memory") 2)
  (data (i32.const 64) "one\\ntwo\\nthree\\n")
  (data (i32.const 96) "GREETING")
  (data (i32.const 112) "half")
  (data (i32.const 120) "waiting\\n")
  (func $write (param $from i32) (param $length i32)
    (i32.store (i32.const 0) (local.get $from))
    (i32.store (i32.const 4) (local.get $length))
    (drop (call $fd-write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8))))
  (func $length (param $text i32) (result i32) (local $end i32)
    (local.set $end (local.get $text))
    (block $done (loop $next
      (br_if $done (i32.eqz (i32.load8_u (local.get $end))))
      (local.set $end (i32.add (local.get $end) (i32.const 1)))
      (br $next)))
    (i32.sub (local.get $end) (local.get $text)))
  (func $greet (local $at i32)
    (drop (call $environ-sizes-get (i32.const 16) (i32.const 20)))
    (drop (call $environ-get (i32.const 8192) (i32.const 12288)))
    (local.set $at (i32.const 8192))
    (loop $next
      (if (i64.eq (i64.load (i32.load (local.get $at))) (i64.load (i32.const 96)))
        (then
          (local.set $at (i32.add (i32.load (local.get $at)) (i32.const 9)))
          (i32.store8 (i32.add (local.get $at) (call $length (local.get $at))) (i32.const 10))
          (call $write (local.get $at) (i32.const 19))
          (return)))
      (local.set $at (i32.add (local.get $at) (i32.const 4)))
      (i32.store (i32.const 16) (i32.sub (i32.load (i32.const 16)) (i32.const 1)))
      (br_if $next (i32.load (i32.const 16)))))
  (func $copy
    (loop $more
      (i32.store (i32.const 0) (i32.const 16384))
      (i32.store (i32.const 4) (i32.const 4096))
      (drop (call $fd-read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8)))
      (if (i32.load (i32.const 8))
        (then
          (call $write (i32.const 16384) (i32.load (i32.const 8)))
          (br $more)))))
  (func $is (param $letter i32) (result i32)
    (i32.eq (i32.load8_u (i32.load (i32.const 4100))) (local.get $letter)))
  (func (export "_start")
    (drop (call $args-get (i32.const 4096) (i32.const 5000)))
    (if (call $is (i32.const 0x70)) (then (call $write (i32.const 64) (i32.const 14))))
    (if (call $is (i32.const 0x66)) (then (call $proc-exit (i32.const 1))))
    (if (call $is (i32.const 0x67)) (then (call $greet)))
    (if (call $is (i32.const 0x69)) (then (call $write (i32.const 112) (i32.const 4))))
    (if (call $is (i32.const 0x77)) (then
      (call $write (i32.const 120) (i32.const 8))
      (i32.store (i32.const 216) (i32.const 1))
      (i64.store (i32.const 224) (i64.const 3600000000000))
      (drop (call $poll-oneoff (i32.const 200) (i32.const 300) (i32.const 1) (i32.const 400)))))
    (if (call $is (i32.const 0x6c)) (then (loop $ever (br $ever))))
    (if (call $is (i32.const 0x74)) (then unreachable))
    (if (call $is (i32.const 0x6d)) (then
      (loop $more (br_if $more (i32.ne (i32.const -1) (memory.grow (i32.const 1)))))
      unreachable))
    (if (call $is (i32.const 0x63)) (then (call $copy)))))
`;

/** Writes the command as a core module; its path is an image reference. */
export async function commandImage(dir: string): Promise<string> {
  return writeModule(dir, 'command.wasm', COMMAND);
}

export async function writeModule(dir: string, name: string, wat: string): Promise<string> {
  const module = (await wabt()).parseWat(name, wat, { bulk_memory: true });
  const path = join(dir, name);
  await mkdir(dir, { recursive: true });
  await writeFile(path, module.toBinary({}).buffer);
  return path;
}

/** ripgrep 15, a real program: the wasip1 build inside the npm package `ripgrep`. */
export async function ripgrepImage(dir: string): Promise<string> {
  const module = new URL('lib/_rg.wasm.mjs', packageRoot('ripgrep'));
  const { getCompressedBytes } = (await import(module.href)) as { getCompressedBytes(): Uint8Array };
  const path = join(dir, 'rg.wasm');
  await mkdir(dir, { recursive: true });
  await writeFile(path, brotliDecompressSync(getCompressedBytes()));
  return path;
}

function packageRoot(name: string): string {
  const main = import.meta.resolve(name);
  return main.slice(0, main.lastIndexOf(`/${name}/`) + name.length + 2);
}

/**
 * An HTTP component that does what the second letter of the path says: `/e`cho the body, `/t`rap, `/l`oop for ever, answer `/n`othing,
 * `/m` takes all memory, `/w`rite to the log, `/c`ount its calls (one byte), `/s`tatus 404.
 */
const SERVER = `(module
  (import "wasi:http/types@0.2.0" "[constructor]fields" (func $fields (result i32)))
  (import "wasi:http/types@0.2.0" "[method]incoming-request.path-with-query" (func $path (param i32 i32)))
  (import "wasi:http/types@0.2.0" "[method]incoming-request.consume" (func $consume (param i32 i32)))
  (import "wasi:http/types@0.2.0" "[method]incoming-body.stream" (func $body-stream (param i32 i32)))
  (import "wasi:http/types@0.2.0" "[constructor]outgoing-response" (func $response (param i32) (result i32)))
  (import "wasi:http/types@0.2.0" "[method]outgoing-response.set-status-code" (func $status (param i32 i32) (result i32)))
  (import "wasi:http/types@0.2.0" "[method]outgoing-response.body" (func $body (param i32 i32)))
  (import "wasi:http/types@0.2.0" "[method]outgoing-body.write" (func $write-body (param i32 i32)))
  (import "wasi:http/types@0.2.0" "[static]outgoing-body.finish" (func $finish (param i32 i32 i32 i32)))
  (import "wasi:http/types@0.2.0" "[static]response-outparam.set"
    (func $set (param i32 i32 i32 i32 i64 i32 i32 i32 i32)))
  (import "wasi:io/streams@0.2.0" "[method]input-stream.blocking-read" (func $read (param i32 i64 i32)))
  (import "wasi:io/streams@0.2.0" "[method]output-stream.blocking-write-and-flush"
    (func $write (param i32 i32 i32 i32)))
  (import "wasi:io/streams@0.2.0" "[resource-drop]output-stream" (func $drop-stream (param i32)))
  (import "wasi:cli/stdout@0.2.0" "get-stdout" (func $stdout (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 64) "a line\\n")
  (global $free (mut i32) (i32.const 8192))
  (global $count (mut i32) (i32.const 48))
  (func (export "cabi_realloc") (param i32 i32 i32) (param $size i32) (result i32)
    (local $at i32)
    (local.set $at (i32.and (i32.add (global.get $free) (i32.const 7)) (i32.const -8)))
    (global.set $free (i32.add (local.get $at) (local.get $size)))
    (local.get $at))
  (func (export "wasi:http/incoming-handler@0.2.0#handle") (param $request i32) (param $out i32)
    (local $letter i32) (local $response i32) (local $body i32) (local $stream i32) (local $in i32)
    (global.set $free (i32.const 8192))
    (global.set $count (i32.add (global.get $count) (i32.const 1)))
    (call $path (local.get $request) (i32.const 0))
    (local.set $letter (i32.load8_u (i32.add (i32.load (i32.const 4)) (i32.const 1))))
    (if (i32.eq (local.get $letter) (i32.const 0x74)) (then unreachable))
    (if (i32.eq (local.get $letter) (i32.const 0x6c)) (then (loop $ever (br $ever))))
    (if (i32.eq (local.get $letter) (i32.const 0x6e)) (then (return)))
    (if (i32.eq (local.get $letter) (i32.const 0x6d)) (then
      (loop $more (br_if $more (i32.ne (i32.const -1) (memory.grow (i32.const 1)))))
      unreachable))
    (if (i32.eq (local.get $letter) (i32.const 0x77)) (then
      (local.set $stream (call $stdout))
      (call $write (local.get $stream) (i32.const 64) (i32.const 7) (i32.const 0))
      (call $drop-stream (local.get $stream))))
    (local.set $response (call $response (call $fields)))
    (if (i32.eq (local.get $letter) (i32.const 0x73)) (then
      (drop (call $status (local.get $response) (i32.const 404)))))
    (call $body (local.get $response) (i32.const 0))
    (local.set $body (i32.load (i32.const 4)))
    (call $write-body (local.get $body) (i32.const 0))
    (local.set $stream (i32.load (i32.const 4)))
    (call $set (local.get $out) (i32.const 0) (local.get $response) (i32.const 0) (i64.const 0)
      (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0))
    (if (i32.eq (local.get $letter) (i32.const 0x63)) (then
      (i32.store8 (i32.const 80) (global.get $count))
      (call $write (local.get $stream) (i32.const 80) (i32.const 1) (i32.const 0))))
    (if (i32.eq (local.get $letter) (i32.const 0x65)) (then
      (call $consume (local.get $request) (i32.const 0))
      (call $body-stream (i32.load (i32.const 4)) (i32.const 0))
      (local.set $in (i32.load (i32.const 4)))
      (block $end (loop $more
        (global.set $free (i32.const 8192))
        (call $read (local.get $in) (i64.const 4096) (i32.const 0))
        (br_if $end (i32.load8_u (i32.const 0)))
        (call $write (local.get $stream) (i32.load (i32.const 4)) (i32.load (i32.const 8)) (i32.const 16))
        (br $more)))))
    (call $drop-stream (local.get $stream))
    (call $finish (local.get $body) (i32.const 0) (i32.const 0) (i32.const 16))))
`;

/** The HTTP component above; its path is an image reference. */
export async function serverImage(dir: string): Promise<string> {
  const path = join(dir, 'server.wasm');
  await mkdir(dir, { recursive: true });
  await writeFile(path, await httpComponent('server.wat', SERVER));
  return path;
}
