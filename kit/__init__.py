"""What the gateway, the BFFs and the services share; it imports none of them."""
