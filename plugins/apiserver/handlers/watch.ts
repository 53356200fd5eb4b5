import { asStatusError, type Watch, type WatchOptions } from 'orlop/plugin';
import { acceptedForm } from '../http/accept.ts';
import type { ListQuery } from '../http/options.ts';
import type { Call } from './call.ts';
import { frameMaker } from './frames.ts';
import { includeObject } from './present.ts';
import type { Selection } from './selection.ts';

/** A watcher with this much unsent is cut off: it lists again, which costs less than what it missed. */
const MOST_UNSENT_BYTES = 8 * 1024 * 1024;
/** Source: apiserver `--min-request-timeout`; each watch ends between once and twice this. */
const MIN_TIMEOUT_SECONDS = 1800;

/** Streams changes until the client leaves, the time is up, the client is too slow, or the API server stops. */
export function watchObjects(call: Call, query: ListQuery, selected: Selection): Promise<void> {
  const { api, exchange, row } = call;
  const form = acceptedForm(exchange.header('accept'));
  const frames = frameMaker(row, form, includeObject(exchange.query));
  const options = watchOptions(call, query, selected);
  const seconds = query.timeoutSeconds || MIN_TIMEOUT_SECONDS * (1 + Math.random());
  return new Promise<void>((resolve) => {
    const response = exchange.stream('application/json');
    let watch: Watch | undefined;
    let isOver = false;
    let allowance = MOST_UNSENT_BYTES;
    let isInitial = options.initial === true;
    const timer = setTimeout(() => end(), seconds * 1000);

    function end(): void {
      if (isOver) return;
      isOver = true;
      clearTimeout(timer);
      api.replaced.removeEventListener('abort', end);
      watch?.close();
      if (!response.destroyed) response.end();
      resolve();
    }

    function send(frame: Uint8Array): void {
      if (isOver) return;
      // Events of one tick leave in one TLS record.
      if (response.writableCorked === 0) {
        response.cork();
        process.nextTick(() => response.uncork());
      }
      response.write(frame);
      if (isInitial) allowance += frame.length;
      else if (response.writableLength > allowance) {
        api.log.warn('a watcher is too slow and was cut off', {
          resource: row.resource,
          user: exchange.user.username,
        });
        response.destroy();
      }
    }

    response.once('close', end);
    response.on('drain', () => {
      if (!isInitial) allowance = MOST_UNSENT_BYTES;
    });
    api.replaced.addEventListener('abort', end, { once: true });
    // The API server is about to be replaced: the client goes on with its successor.
    if (api.replaced.aborted) return end();
    watch = api.objects.watch(row.storage, options, {
      event(event) {
        if (event.type !== 'BOOKMARK') return send(frames.event(event));
        if (event.initialEventsEnd) isInitial = false;
        const isWanted = event.initialEventsEnd ? query.sendInitialEvents === true : true;
        if (isWanted && query.allowWatchBookmarks)
          send(frames.bookmark(event.revision, event.initialEventsEnd === true));
      },
      closed(error) {
        if (error) send(frames.error(asStatusError(error)));
        end();
      },
    });
    if (isOver) watch.close();
  });
}

function watchOptions({ row, path }: Call, query: ListQuery, selected: Selection): WatchOptions {
  const { resourceVersion: revision, sendInitialEvents } = query;
  // Without a revision, or from "any", a watch begins with the present state, as if it had just been made.
  const initial = sendInitialEvents ?? (revision === undefined || revision === 0);
  return {
    namespace: row.namespaced ? (path.namespace ?? selected.namespace) : undefined,
    name: selected.name,
    where: selected.where,
    bookmarks: query.allowWatchBookmarks,
    ...(initial ? { initial: true, revision } : revision ? { since: revision } : {}),
  };
}
