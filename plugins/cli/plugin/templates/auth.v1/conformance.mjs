/** What `orlop plugin test` cannot guess: a token that is somebody's. */
export default {
  config: { users: { 'a-token-for-amy': { username: 'amy', groups: ['dev'] } } },
  token: 'a-token-for-amy',
};
