/** `sh -c SCRIPT` @param {string} script */
const sh = (script) => ({ image: '/bin/sh', args: ['-c', script] });

/** What `orlop plugin test` cannot guess: what a container of it may be told to do. */
export default {
  runtime: {
    missingImage: '/no/such/program',
    workloads: {
      forever: { image: '/bin/sleep', args: ['1000000'] },
      succeeds: sh('exit 0'),
      fails: sh('exit 3'),
      prints: sh('echo one; echo two; echo three'),
      printsGreeting: sh('echo "$GREETING"'),
    },
    exec: {
      succeeds: ['/bin/true'],
      fails: ['/bin/false'],
      prints: { command: ['/bin/echo', 'hello'], stdout: 'hello\n' },
    },
  },
};
