import type { Runtime } from 'orlop/plugin';

/** What a container is to run, in the terms of the runtime under test. */
export interface Workload {
  image: string;
  command?: string[];
  args?: string[];
  /** Of the pod. */
  annotations?: Record<string, string>;
  /** As the container's fields. */
  stdin?: boolean;
  stdinOnce?: boolean;
}

export interface RuntimeFixture {
  runtime: Runtime;
  /** Where pods live: as network.v1 would say. `address` gives a fresh pod address, right for the runtime's attachment. */
  network: { bridge: { cidr: string; gateway: string }; address(): string };
  /** An image that does not exist. */
  missingImage: string;
  workloads: {
    /** Runs until it is stopped, and ends soon after SIGTERM. */
    forever: Workload;
    /** Ends with exit code 0. */
    succeeds: Workload;
    /** Ends with another exit code. */
    fails: Workload;
    /** Writes the lines `one`, `two`, `three` to stdout, then ends. */
    prints: Workload;
    /** Prints the value of the environment variable GREETING as a line, then ends. */
    printsGreeting?: Workload;
    /** Prints the file /data/file, then ends. */
    printsFile?: Workload;
    /** Copies its standard input to its standard output, to the end. Absent: the runtime cannot attach. */
    copies?: Workload;
  };
  /** Commands for `execSync` in `forever`. Absent: the runtime cannot run commands. */
  exec?: { succeeds: string[]; fails: string[]; prints: { command: string[]; stdout: string } };
}
