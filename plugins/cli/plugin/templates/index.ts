import * as controller from './controller.ts';
import * as ingress from './ingress.ts';
import * as loadbalancer from './loadbalancer.ts';
import * as scheduler from './scheduler.ts';
import * as scoring from './scoring.ts';
import * as secrets from './secrets.ts';
import * as volume from './volume.ts';

/** The files of a skeleton that depend on its kind. */
export interface Template {
  /** `index.mjs`, which works as it stands. */
  module(name: string): string;
  /** `index.test.mjs`, for `node --test`. */
  test(name: string): string;
  /** `conformance.mjs`, where the kind's suite needs it. */
  conformance?(name: string): string;
}

/** By kind. */
export const TEMPLATES: Readonly<Record<string, Template>> = {
  'controller.v1': controller,
  'scheduler.v1': scheduler,
  'scheduler-scoring.v1': scoring,
  'volume.v1': volume,
  'secrets.v1': secrets,
  'loadbalancer.v1': loadbalancer,
  'ingress.v1': ingress,
};
