;; The score of a node is how full it would be with the pod: the mean of its CPU's and its memory's requested share, as kube-scheduler's
;; NodeResourcesFit with the strategy MostAllocated. Written against the canonical ABI of scheduler-scoring.wit.
;;
;; Memory: 0-15 what an import returns, 16-31 what an export returns, 64-127 constants, then what is allocated, reset after each call.
(module
  (import "orlop:scheduler-scoring/nodes@1.0.0" "size" (func $size (result i32)))
  (import "orlop:scheduler-scoring/nodes@1.0.0" "allocatable" (func $allocatable (param i32 i32 i32)))
  (import "orlop:scheduler-scoring/nodes@1.0.0" "requested" (func $requested (param i32 i32 i32)))
  (memory (export "memory") 1)
  (data (i32.const 64) "cpu")
  (data (i32.const 72) "memory")
  (global $free (mut i32) (i32.const 128))

  (func $allocate (param $size i32) (result i32)
    (local $at i32)
    (local.set $at (i32.and (i32.add (global.get $free) (i32.const 7)) (i32.const -8)))
    (global.set $free (i32.add (local.get $at) (local.get $size)))
    (if (i32.gt_u (global.get $free) (i32.mul (memory.size) (i32.const 65536)))
      (then
        (if (i32.eq (i32.const -1) (memory.grow (i32.add (i32.shr_u (local.get $size) (i32.const 16)) (i32.const 1))))
          (then unreachable))))
    (local.get $at))

  ;; Whoever lowers strings and lists into this memory asks here for room; growing what was given is by copying.
  (func (export "cabi_realloc") (param $old i32) (param $old-size i32) (param $align i32) (param $size i32) (result i32)
    (local $at i32)
    (local.set $at (call $allocate (local.get $size)))
    (memory.copy (local.get $at) (local.get $old) (local.get $old-size))
    (local.get $at))

  ;; What the pod requests of the resource. A pod has 44 bytes, its list of requests is at 36; a request has 16: name, then amount at 8.
  (func $asked (param $pod i32) (param $name i32) (param $length i32) (result f64)
    (local $request i32) (local $count i32) (local $index i32)
    (local.set $request (i32.load offset=36 (local.get $pod)))
    (local.set $count (i32.load offset=40 (local.get $pod)))
    (block $none
      (loop $next
        (br_if $none (i32.eqz (local.get $count)))
        (if (i32.eq (i32.load offset=4 (local.get $request)) (local.get $length))
          (then
            (local.set $index (i32.const 0))
            (block $differs
              (loop $same
                (if (i32.eq (local.get $index) (local.get $length))
                  (then (return (f64.load offset=8 (local.get $request)))))
                (br_if $differs (i32.ne
                  (i32.load8_u (i32.add (i32.load (local.get $request)) (local.get $index)))
                  (i32.load8_u (i32.add (local.get $name) (local.get $index)))))
                (local.set $index (i32.add (local.get $index) (i32.const 1)))
                (br $same)))))
        (local.set $request (i32.add (local.get $request) (i32.const 16)))
        (local.set $count (i32.sub (local.get $count) (i32.const 1)))
        (br $next)))
    (f64.const 0))

  ;; Adds half of the share in per cent to each score. $allocatable and $requested are columns of $size numbers.
  (func $add (param $scores i32) (param $size i32) (param $allocatable i32) (param $requested i32) (param $asked f64)
    (local $end i32) (local $all f64)
    (local.set $end (i32.add (local.get $scores) (i32.shl (local.get $size) (i32.const 2))))
    (block $done
      (loop $next
        (br_if $done (i32.ge_u (local.get $scores) (local.get $end)))
        (local.set $all (f64.load (local.get $allocatable)))
        (if (f64.gt (local.get $all) (f64.const 0))
          (then
            (f32.store (local.get $scores)
              (f32.add
                (f32.load (local.get $scores))
                (f32.demote_f64 (f64.mul (f64.const 50) (f64.min (f64.const 1) (f64.max (f64.const 0)
                  (f64.div (f64.add (f64.load (local.get $requested)) (local.get $asked)) (local.get $all))))))))))
        (local.set $scores (i32.add (local.get $scores) (i32.const 4)))
        (local.set $allocatable (i32.add (local.get $allocatable) (i32.const 8)))
        (local.set $requested (i32.add (local.get $requested) (i32.const 8)))
        (br $next))))

  (func (export "orlop:scheduler-scoring/scoring@1.0.0#configure") (param i32 i32) (result i32)
    (i32.store (i32.const 16) (i32.const 0))
    (i32.const 16))

  (func (export "orlop:scheduler-scoring/scoring@1.0.0#score") (param $pod i32) (param $count i32) (result i32)
    (local $size i32) (local $lists i32) (local $list i32) (local $scores i32)
    (local $cpu i32) (local $cpu-used i32) (local $memory i32) (local $memory-used i32)
    (local.set $size (call $size))
    (call $allocatable (i32.const 64) (i32.const 3) (i32.const 0))
    (local.set $cpu (i32.load (i32.const 0)))
    (call $requested (i32.const 64) (i32.const 3) (i32.const 0))
    (local.set $cpu-used (i32.load (i32.const 0)))
    (call $allocatable (i32.const 72) (i32.const 6) (i32.const 0))
    (local.set $memory (i32.load (i32.const 0)))
    (call $requested (i32.const 72) (i32.const 6) (i32.const 0))
    (local.set $memory-used (i32.load (i32.const 0)))
    (local.set $lists (call $allocate (i32.shl (local.get $count) (i32.const 3))))
    (local.set $list (local.get $lists))
    (i32.store (i32.const 16) (i32.const 0))
    (i32.store (i32.const 20) (local.get $lists))
    (i32.store (i32.const 24) (local.get $count))
    (block $done
      (loop $next
        (br_if $done (i32.eqz (local.get $count)))
        (local.set $scores (call $allocate (i32.shl (local.get $size) (i32.const 2))))
        (memory.fill (local.get $scores) (i32.const 0) (i32.shl (local.get $size) (i32.const 2)))
        (call $add (local.get $scores) (local.get $size) (local.get $cpu) (local.get $cpu-used)
          (call $asked (local.get $pod) (i32.const 64) (i32.const 3)))
        (call $add (local.get $scores) (local.get $size) (local.get $memory) (local.get $memory-used)
          (call $asked (local.get $pod) (i32.const 72) (i32.const 6)))
        (i32.store (local.get $list) (local.get $scores))
        (i32.store offset=4 (local.get $list) (local.get $size))
        (local.set $list (i32.add (local.get $list) (i32.const 8)))
        (local.set $pod (i32.add (local.get $pod) (i32.const 44)))
        (local.set $count (i32.sub (local.get $count) (i32.const 1)))
        (br $next)))
    (i32.const 16))

  (func (export "cabi_post_orlop:scheduler-scoring/scoring@1.0.0#score") (param i32)
    (global.set $free (i32.const 128)))
  (func (export "cabi_post_orlop:scheduler-scoring/scoring@1.0.0#configure") (param i32)
    (global.set $free (i32.const 128))))
