/** What `orlop plugin test` cannot guess. */
export default {
  volumes: {
    ephemeral: { volume: { name: 'v', ephemeral: {} }, writable: true },
  },
};
