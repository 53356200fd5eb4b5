import { asStatusError, type Health, type Logger, type ScorePlugin, scoreProblem } from 'orlop/plugin';
import type { Score } from './framework.ts';
import { NodeFeed } from './node-feed.ts';
import type { NodeTable } from './nodes.ts';
import type { PodInfo } from './pod.ts';

/** Pods scored at once: many, so that a round trip costs little; few, so that scores are not of long ago. */
const MAX_BATCH = 64;
/** Scores in one answer, so that it fits what carries it however many nodes there are. */
const MAX_SCORES = 128_000;
/** A plugin that failed is left out for this long, doubling with each failure in a row. */
const BACKOFF_MS = 1_000;
const MAX_BACKOFF_MS = 30_000;

export interface ScorersOptions {
  /** By name; live. */
  plugins: ReadonlyMap<string, ScorePlugin>;
  /** By name, default 1; a plugin of weight 0 is not asked. */
  weights: Readonly<Record<string, number>>;
  /** Milliseconds a batch may take. */
  timeout: number;
  log: Logger;
}

interface Asked {
  feed: NodeFeed;
  failures: number;
  /** On the clock of `performance.now`. */
  notBefore: number;
  problem: string | undefined;
}

/** The score plugins outside the scheduler: asked all at once about a batch of pods; none can hold scheduling up beyond the timeout. */
export class Scorers {
  readonly #o: ScorersOptions;
  readonly #asked = new Map<string, Asked>();

  constructor(o: ScorersOptions) {
    this.#o = o;
  }

  /** Whether there is anybody to ask. */
  wanted(now: number): boolean {
    if (this.#o.plugins.size === 0) return false;
    for (const name of this.#o.plugins.keys()) if (this.#isAskable(name, now)) return true;
    return false;
  }

  batchSize(nodes: NodeTable): number {
    return Math.max(1, Math.min(MAX_BATCH, Math.floor(MAX_SCORES / Math.max(1, nodes.size))));
  }

  /** For each pod the scores of those that had something to say. Never rejects. */
  async score(nodes: NodeTable, pods: readonly PodInfo[]): Promise<readonly (readonly Score[])[]> {
    const now = performance.now();
    const scores = pods.map((): Score[] => []);
    for (const name of this.#asked.keys()) if (!this.#o.plugins.has(name)) this.#asked.delete(name);
    const names = [...this.#o.plugins.keys()].filter((name) => this.#isAskable(name, now));
    await Promise.all(
      names.map(async (name) => {
        const { version } = nodes;
        for (const [index, vector] of (await this.#ask(name, nodes, pods)).entries()) {
          if (vector) scores[index]!.push(scoreOf(vector, nodes, version, this.#weight(name)));
        }
      }),
    );
    return scores;
  }

  /** The scheduler is healthy without them. */
  health(): Health {
    const problems = [...this.#asked]
      .filter(([name, { problem }]) => problem !== undefined && this.#o.plugins.has(name))
      .map(([name, { problem }]) => `places pods without score plugin "${name}": ${problem}`);
    return { healthy: true, ...(problems.length > 0 ? { message: problems.join('; ') } : {}) };
  }

  async #ask(
    name: string,
    nodes: NodeTable,
    pods: readonly PodInfo[],
  ): Promise<readonly (readonly number[] | null)[]> {
    const asked: Asked = this.#asked.get(name) ?? {
      feed: new NodeFeed(),
      failures: 0,
      notBefore: 0,
      problem: undefined,
    };
    this.#asked.set(name, asked);
    const limit = deadline(this.#o.timeout);
    try {
      const scores = await Promise.race([this.#exchange(name, asked.feed, nodes, pods, limit), limit.passed]);
      asked.failures = 0;
      asked.problem = undefined;
      return scores;
    } catch (error) {
      asked.feed = new NodeFeed();
      asked.problem = asStatusError(error).message;
      const backoff = Math.min(MAX_BACKOFF_MS, BACKOFF_MS * 2 ** Math.min(10, asked.failures));
      asked.failures += 1;
      asked.notBefore = performance.now() + backoff;
      this.#o.log.warn(`score plugin "${name}" is left out for ${backoff} ms`, { error: asked.problem });
      return [];
    } finally {
      limit.end();
    }
  }

  async #exchange(
    name: string,
    feed: NodeFeed,
    nodes: NodeTable,
    pods: readonly PodInfo[],
    limit: Deadline,
  ): Promise<readonly (readonly number[] | null)[]> {
    const plugin = this.#o.plugins.get(name);
    if (!plugin) throw new Error('it is there no more');
    let scores: readonly (readonly number[] | null)[] = [];
    for (const request of feed.requests(nodes, pods)) {
      const answer = await plugin.score(request);
      if (limit.isOver) return [];
      const problem = scoreProblem(request, answer);
      if (problem !== undefined) throw new Error(problem);
      if ('resync' in answer) {
        feed.reset();
        return await this.#exchange(name, feed, nodes, pods, limit);
      }
      scores = answer.scores;
    }
    return scores;
  }

  #isAskable(name: string, now: number): boolean {
    return this.#weight(name) > 0 && (this.#asked.get(name)?.notBefore ?? 0) <= now;
  }

  #weight(name: string): number {
    return this.#o.weights[name] ?? 1;
  }
}

/** `version`: of the table when it was asked: a row given to a node after that has no score. */
function scoreOf(vector: readonly number[], nodes: NodeTable, version: number, weight: number): Score {
  return {
    weight,
    scale: 'none',
    score: (row) => (nodes.givenAt[row]! <= version ? (vector[row] ?? 0) : 0),
  };
}

interface Deadline {
  readonly isOver: boolean;
  /** Rejects when it has passed. */
  readonly passed: Promise<never>;
  end(): void;
}

function deadline(ms: number): Deadline {
  let isOver = false;
  let timer: NodeJS.Timeout | undefined;
  const passed = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`it took longer than ${ms} ms`)), ms);
  });
  return {
    get isOver() {
      return isOver;
    },
    passed,
    end() {
      isOver = true;
      clearTimeout(timer);
    },
  };
}
