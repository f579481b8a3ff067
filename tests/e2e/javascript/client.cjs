// What a program of a user's does with JavaScript's SDK v3: node client.cjs TASK [ARGUMENT].
// The endpoint, the keys and the region come from the environment. It prints what it found, as JSON.
"use strict";

const ec2 = require("@aws-sdk/client-ec2");

// No retry, so that the first answer is the one that is seen.
const client = new ec2.EC2Client({ maxAttempts: 1 });
const send = (action, input = {}) => client.send(new ec2[`${action}Command`](input));
const patience = { client, minDelay: 0.1, maxDelay: 0.5, maxWaitTime: 20 };

async function instancesOf(input) {
  const found = [];
  for await (const page of ec2.paginateDescribeInstances({ client, pageSize: 5 }, input)) {
    found.push(...page.Reservations.flatMap((reservation) => reservation.Instances));
  }
  return found;
}

const tasks = {
  async describe() {
    const { AvailabilityZones: zones } = await send("DescribeAvailabilityZones");
    const { Images: images } = await send("DescribeImages", { Owners: ["self"] });
    return { zones, images, instances: await instancesOf({}) };
  },

  async launch(name) {
    const tags = [{ Key: "Name", Value: name }];
    const key = await send("CreateKeyPair", {
      KeyName: name,
      TagSpecifications: [{ ResourceType: "key-pair", Tags: tags }],
    });
    const run = await send("RunInstances", {
      ImageId: "img1",
      MinCount: 2,
      MaxCount: 2,
      KeyName: name,
      TagSpecifications: [{ ResourceType: "instance", Tags: tags }],
    });
    const InstanceIds = run.Instances.map((instance) => instance.InstanceId);
    const running = await ec2.waitUntilInstanceRunning(patience, { InstanceIds });
    const instances = await instancesOf({ Filters: [{ Name: "tag:Name", Values: [name] }] });
    const { TerminatingInstances: terminating } = await send("TerminateInstances", { InstanceIds });
    const terminated = await ec2.waitUntilInstanceTerminated(patience, { InstanceIds });
    const pair = await send("DeleteKeyPair", { KeyName: name });
    return {
      key: { name: key.KeyName, id: key.KeyPairId, tags: key.Tags, material: key.KeyMaterial.split("\n")[0] },
      ids: InstanceIds,
      instances,
      terminating,
      waited: [running.state, terminated.state],
      deleted: pair.KeyPairId,
    };
  },

  async refused(instanceId) {
    try {
      await send("DescribeInstances", { InstanceIds: [instanceId] });
    } catch (error) {
      return {
        name: error.name,
        message: error.message,
        ours: error instanceof ec2.EC2ServiceException,
        status: error.$metadata.httpStatusCode,
        request: error.$metadata.requestId,
      };
    }
  },
};

const [task, argument] = process.argv.slice(2);
tasks[task](argument).then((found) => console.log(JSON.stringify(found)));
