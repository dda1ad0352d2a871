# marquee in a container: built with the compilers that the SQLite and secp256k1 bindings may need, run without them, and not as root.
# docker build -t marquee .        docs/operations.md has the rest; test/packaging.test.ts holds this file to the tree.
FROM node:20-bookworm AS build
WORKDIR /app
# Only the manifest first: the dependencies are built again when it changes, and not with every line of ours.
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts && npm rebuild better-sqlite3 secp256k1
COPY tsconfig.json ./
COPY server ./server
RUN npx tsc && npm prune --omit=dev --ignore-scripts

FROM node:20-bookworm-slim
# for PUT /media: videos. Without it they are refused, and pictures are taken all the same
RUN apt-get update && apt-get install -y --no-install-recommends ffmpeg && rm -rf /var/lib/apt/lists/*
ENV NODE_ENV=production HOST=0.0.0.0 PORT=3000 DATA_DIR=/data
WORKDIR /app
COPY --from=build /app/package.json ./
COPY --from=build /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
COPY migrations ./migrations
COPY relay-config ./relay-config
COPY web ./web
# A volume that is made anew takes the owner of the folder it covers.
RUN mkdir /data && chown node:node /data && chmod 700 /data
USER node
VOLUME /data
EXPOSE 3000
# /readyz would restart a server whose bucket is away, which helps nobody.
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT}/healthz`).then(r => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["node", "--max-semi-space-size=4", "--enable-source-maps", "dist/server/main.js"]
CMD ["serve"]
