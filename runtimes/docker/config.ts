import type { JsonSchema } from 'orlop/plugin';

export interface Config {
  host: string;
}

export const config: JsonSchema = {
  type: 'object',
  properties: {
    host: {
      type: 'string',
      default: '',
      description:
        'The engine, as DOCKER_HOST: unix:///path or tcp://host:port. Empty: DOCKER_HOST, else the default socket. ' +
        'It must run on the same machine as the node.',
    },
  },
};
