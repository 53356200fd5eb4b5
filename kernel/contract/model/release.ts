/** The Kubernetes release whose API Orlop serves: what `/version` says, and a node of its agent. */
export const KUBERNETES_RELEASE = '1.36.0';
