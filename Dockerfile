# The service, its workers and (with another command) the sidecar: one image. Stage 1 installs exactly what the lock
# file says, without development tools and without the embedded PostgreSQL; stage 2 holds the result, read-only to its user.
FROM node:24.21.0-bookworm-slim AS install
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
COPY sdk/package.json sdk/
COPY engine/package.json engine/
COPY service/package.json service/
COPY collector/package.json collector/
COPY bench/package.json bench/
COPY examples/package.json examples/
# Optional dependencies are platform binaries (Node, PostgreSQL) that this image brings or does not need.
RUN npm ci --omit=dev --omit=optional --ignore-scripts --no-audit --no-fund \
      --workspace service --workspace sdk --workspace engine

FROM node:24.21.0-bookworm-slim
ENV NODE_ENV=production
WORKDIR /app
COPY --from=install /app/node_modules node_modules
COPY package.json ./
COPY engine engine
COPY sdk sdk
COPY service service
USER node
EXPOSE 8080
# /healthz answers while the process lives; /readyz is for load balancers, a database outage must not restart it.
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 \
  CMD ["node", "-e", "fetch('http://127.0.0.1:'+(process.env.TAPESCOPE_PORT||8080)+'/healthz').then(r=>process.exit(r.ok?0:1),()=>process.exit(1))"]
# No shell in between: SIGTERM reaches the service, which drains, flushes and exits within its deadline.
CMD ["node", "service/main.ts"]
