/** Starts GraphiQL beside the API: `…/graphiql/index.html` for `…/graphql`, with the header that session routes want. */
const url = new URL("../graphql", location.href).href;
const headers = { accept: "multipart/mixed, application/graphql-response+json, application/json;q=0.9", "x-csrf": "1" };
const fetcher = GraphiQL.createFetcher({ url, headers });
ReactDOM.render(React.createElement(GraphiQL, { fetcher }), document.getElementById("graphiql"));
